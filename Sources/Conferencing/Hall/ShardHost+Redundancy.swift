// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import ShardMessages
import Telemetry

// Redundant audio (RFC 2198; media-plane.md 10.4): one packet becomes a few records of the batch, each for the
// receivers that can use it. What is inside a packet lies in its datagram; what the bridge puts into one is written
// where packets are parked. Sources and conferences without any of it go by with a comparison.

extension ShardHost {
    /// Whether a packet of a voice cannot simply go to everybody.
    @inline(__always)
    func needsRedundancy(
        _ codec: UInt8, _ source: UnsafeMutablePointer<Source>, _ conference: UnsafeMutablePointer<Conference>
    ) -> Bool {
        if codec == Codec.red.rawValue {
            return settings.redundancy.policy == .strip || !source.pointee.recentNumbers.isEmpty
                || conference.pointee.redundantCount < conference.pointee.memberCount
        }
        if settings.redundancy.policy == .protect, conference.pointee.redundantCount > 0 { return true }
        return !source.pointee.recentNumbers.isEmpty
    }

    /// Whether a packet that is not for everybody is for this receiver.
    @inline(__always)
    func isAudience(_ receiver: UnsafeMutablePointer<Endpoint>, of audience: Audience) -> Bool {
        let takes = settings.redundancy.policy != .strip && receiver.pointee.downlink.takesRedundancy
        return takes == (audience == .redundant)
    }

    @inline(never)
    mutating func enqueueRedundant(
        _ packet: BatchPacket, of slot: Int, from sender: UnsafeMutablePointer<Endpoint>
    ) {
        let conference = conferences.pointer(at: sender.pointee.conference)
        let takers = conference.pointee.redundantCount - (sender.pointee.downlink.takesRedundancy ? 1 : 0)
        let isPassed = settings.redundancy.policy != .strip && takers > 0
        if packet.codec == Codec.red.rawValue {
            unwrap(packet, of: slot, from: sender)
            guard isPassed else { return }
            var asItCame = packet
            asItCame.audience = .redundant
            enqueue(asItCame, of: slot, in: sender.pointee.conference)
            return
        }
        let source = conference.pointee.sources.pointer(at: slot)
        var plain = packet
        // What came late and was recovered before goes only to those who were not sent it then.
        let isNew = source.pointee.recentNumbers.isEmpty || source.pointee.recentNumbers.insert(packet.info.sequence)
        let isWrapped =
            isPassed && settings.redundancy.policy == .protect && packet.codec == Codec.opus.rawValue
            && wrap(packet, of: slot, in: sender.pointee.conference)
        if isWrapped {
            plain.audience = .plain
            guard isNew else { return counters.add(.droppedDuplicate) }
        } else if !isNew {
            guard isPassed else { return counters.add(.droppedDuplicate) }
            plain.audience = .redundant
        }
        enqueue(plain, of: slot, in: sender.pointee.conference)
    }

    /// What is inside, for those who lack the wrapping: first what was lost.
    private mutating func unwrap(
        _ packet: BatchPacket, of slot: Int, from sender: UnsafeMutablePointer<Endpoint>
    ) {
        let conference = conferences.pointer(at: sender.pointee.conference)
        let source = conference.pointee.sources.pointer(at: slot)
        let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: packet.base, count: packet.info.byteCount))
        let end = packet.info.headerBytes + packet.info.payloadBytes
        // End-to-end encrypted, perhaps: only those can use it who take it as it is.
        guard let content = RedundantAudio(bytes, from: packet.info.headerBytes, to: end),
            isVoice(content.primary, of: sender)
        else { return }
        let isNew = source.pointee.recentNumbers.insert(packet.info.sequence)
        recover(content.tertiary, before: packet, by: 2, of: slot, from: sender)
        recover(content.secondary, before: packet, by: 1, of: slot, from: sender)
        guard isNew, content.primary.byteCount > 0 else { return }
        var plain = packet
        plain.audience = .plain
        plain.codec = sender.pointee.uplink.codecs[Int(content.primary.payloadType)]
        plain.info.payloadType = content.primary.payloadType
        plain.info.headerBytes = content.primary.offset
        plain.info.payloadBytes = content.primary.byteCount
        enqueue(plain, of: slot, in: sender.pointee.conference)
    }

    /// Sends a repeated block in the place of the packet that it repeats, if that has not come.
    private mutating func recover(
        _ block: RedundantAudio.Block?, before packet: BatchPacket, by distance: UInt16, of slot: Int,
        from sender: UnsafeMutablePointer<Endpoint>
    ) {
        let conference = conferences.pointer(at: sender.pointee.conference)
        let source = conference.pointee.sources.pointer(at: slot)
        let number = packet.info.sequence &- distance
        guard let block, block.byteCount > 0, isVoice(block, of: sender),
            source.pointee.recentNumbers.insert(number),
            let sequence = source.pointee.encodings[Int(packet.encoding)].gaps.accept(number)
        else { return }
        var lost = packet
        lost.audience = .plain
        lost.sequence = sequence
        lost.codec = sender.pointee.uplink.codecs[Int(block.payloadType)]
        lost.info.sequence = number
        lost.info.timestamp &-= UInt32(block.timestampOffset)
        lost.info.payloadType = block.payloadType
        lost.info.marker = false
        // Level and the like were the lost packet's own.
        lost.info.keptCount = 0
        lost.info.audioLevel = PacketInfo.noLevel
        lost.info.headerBytes = block.offset
        lost.info.payloadBytes = block.byteCount
        if enqueue(lost, of: slot, in: sender.pointee.conference) { counters.add(.audioRecovered) }
    }

    /// Whether a block is audio that can stand by itself.
    private func isVoice(_ block: RedundantAudio.Block, of sender: UnsafeMutablePointer<Endpoint>) -> Bool {
        let codec = sender.pointee.uplink.codecs[Int(block.payloadType & 127)]
        return codec <= Codec.otherAudio.rawValue && codec != Codec.red.rawValue
    }

    /// Puts a payload into the form of RFC 2198 with those before it, for those who take that.
    /// - Returns: `false` when there is no room for it.
    private mutating func wrap(_ packet: BatchPacket, of slot: Int, in conferenceIndex: Int) -> Bool {
        let source = conferences.pointer(at: conferenceIndex).pointee.sources.pointer(at: slot)
        // Once for a voice.
        if source.pointee.history == nil { source.pointee.history = AudioHistory() }
        let headerBytes = packet.info.headerBytes
        guard headerBytes < ConferencingLimits.redundantBytes, let (place, base) = batch.takeRoom() else {
            return false
        }
        base.copyMemory(from: packet.base, byteCount: headerBytes)
        var writer = BufferWriter(
            UnsafeMutableRawBufferPointer(
                start: base + headerBytes, count: ConferencingLimits.redundantBytes - headerBytes))
        let isWritten =
            source.pointee.history?.write(packet.info, from: packet.base, settings.redundancy, to: &writer) ?? false
        source.pointee.history?.insert(packet.info, from: packet.base)
        var wrapped = packet
        wrapped.audience = .redundant
        wrapped.codec = Codec.red.rawValue
        wrapped.base = base
        wrapped.parked = place
        wrapped.info.payloadBytes = writer.count
        wrapped.info.paddingBytes = 0
        wrapped.info.byteCount = headerBytes + writer.count
        guard isWritten, enqueue(wrapped, of: slot, in: conferenceIndex) else {
            batch.giveBack(place)
            return false
        }
        return true
    }
}
