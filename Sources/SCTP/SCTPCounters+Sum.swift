// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension SCTPCounters {
    /// Adds what another association counted.
    public static func += (sum: inout SCTPCounters, other: SCTPCounters) {
        sum.packetsReceived += other.packetsReceived
        sum.packetsSent += other.packetsSent
        sum.messagesReceived += other.messagesReceived
        sum.messagesSent += other.messagesSent
        sum.retransmissions += other.retransmissions
        sum.fastRetransmissions += other.fastRetransmissions
        sum.timeouts += other.timeouts
        sum.abandonedMessages += other.abandonedMessages
        sum.duplicates += other.duplicates
        sum.restarts += other.restarts
        sum.badChecksum += other.badChecksum
        sum.badTag += other.badTag
        sum.malformed += other.malformed
        sum.outOfTheBlue += other.outOfTheBlue
        sum.unexpectedChunks += other.unexpectedChunks
        sum.unknownChunks += other.unknownChunks
        sum.throttledHandshakes += other.throttledHandshakes
        sum.badCookies += other.badCookies
        sum.staleCookies += other.staleCookies
        sum.staleAcknowledgements += other.staleAcknowledgements
        sum.forgedAcknowledgements += other.forgedAcknowledgements
        sum.beyondWindow += other.beyondWindow
        sum.invalidStreams += other.invalidStreams
        sum.brokenFragments += other.brokenFragments
        sum.oversizedMessages += other.oversizedMessages
        sum.droppedReplies += other.droppedReplies
        sum.refusedMessages += other.refusedMessages
        sum.refusedResets += other.refusedResets
        sum.peerErrors += other.peerErrors
        sum.refusedChannels += other.refusedChannels
        sum.strayMessages += other.strayMessages
    }
}

extension SCTPCounters {
    /// Each counter under its property's name in lower case with underscores. Looked up by reflection, so that none
    /// is forgotten: not for the packet path.
    public var byName: [(name: String, count: UInt64)] {
        Mirror(reflecting: self).children.compactMap { child in
            guard let label = child.label, let count = child.value as? UInt64 else { return nil }
            return (label.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }, count)
        }
    }
}
