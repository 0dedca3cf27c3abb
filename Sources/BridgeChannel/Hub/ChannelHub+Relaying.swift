// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import ShardMessages

// Messages of one client for others.

extension ChannelHub {
    mutating func relay(_ message: EndpointMessage, from sender: ChannelEndpoint, at now: Timestamp) {
        guard !sender.isVisitor else { return counters.drop(.visitor) }
        let text = message.text.bytes(from: sender.id, behind: "to")
        if message.isBroadcast {
            pass(text, to: sender.conference.members.filter { $0 !== sender }, from: sender, at: now)
        } else if let receiver = sender.conference.byID[message.to] {
            pass(text, to: [receiver], from: sender, at: now)
        } else {
            counters.drop(.unknownReceiver)
        }
    }

    /// Statistics go to all in a small conference; in a large one to those who see or hear the sender.
    mutating func relay(_ statistics: RelayedText, from sender: ChannelEndpoint, at now: Timestamp) {
        guard !sender.isVisitor else { return counters.drop(.visitor) }
        let conference = sender.conference
        let isForAll =
            conference.members.count <= settings.statsFilterThreshold || conference.isRecentSpeaker(sender.number)
        let receivers = conference.members.filter { receiver in
            receiver !== sender
                && (isForAll
                    || sender.sources.contains {
                        receiver.grants[$0] != nil || receiver.namedSources.contains($0.name)
                    })
        }
        pass(statistics.bytes(from: sender.id, behind: "colibriClass"), to: receivers, from: sender, at: now)
    }

    private mutating func pass(
        _ text: [UInt8], to receivers: [ChannelEndpoint], from sender: ChannelEndpoint, at now: Timestamp
    ) {
        let cost = receivers.count * (text.count + BridgeChannelLimits.deliveryOverhead)
        guard sender.fanOut.take(cost, at: now) else { return counters.drop(.senderFanOut) }
        guard sender.conference.fanOut.take(cost, at: now) else { return counters.drop(.conferenceFanOut) }
        post(text, to: receivers, isRelayed: true, at: now)
    }
}
