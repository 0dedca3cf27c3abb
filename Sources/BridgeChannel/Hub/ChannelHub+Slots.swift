// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import ShardMessages

// What receivers with SSRC rewriting are told of their slots (media-plane.md 5.10): what changed as it comes, and
// everything when a channel opens. That a slot carries nothing any more is not told.

extension ChannelHub {
    /// The worker has put other sources into slots of a receiver.
    mutating func setSlots(_ changes: [SlotMapping], of number: EndpointNumber, at now: Timestamp) {
        guard let endpoint = endpoints[number] else { return }
        for change in changes { endpoint.remember(change) }
        if endpoint.isReachable { tellSlots(changes, to: endpoint, at: now) }
    }

    /// Tells a receiver what all its slots carry.
    mutating func tellSlots(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        tellSlots(endpoint.slots, to: endpoint, at: now)
    }

    private mutating func tellSlots(_ slots: [SlotMapping], to endpoint: ChannelEndpoint, at now: Timestamp) {
        let video = slots.compactMap { videoMapping($0) }
        for start in stride(from: 0, to: video.count, by: BridgeChannelLimits.mappingsPerMessage) {
            let part = video[start...].prefix(BridgeChannelLimits.mappingsPerMessage)
            post(.videoSourcesMap(Array(part)), to: endpoint, at: now)
        }
        let audio = slots.compactMap { audioMapping($0) }
        for start in stride(from: 0, to: audio.count, by: BridgeChannelLimits.mappingsPerMessage) {
            let part = audio[start...].prefix(BridgeChannelLimits.mappingsPerMessage)
            post(.audioSourcesMap(Array(part)), to: endpoint, at: now)
        }
    }

    /// `nil` for slots that carry no picture of anybody who is there.
    private func videoMapping(_ slot: SlotMapping) -> VideoSourceMapping? {
        guard slot.mediaType == .video, let source = slot.source, let owner = endpoints[source.owner] else {
            return nil
        }
        let type = owner.sources.first { $0.name == source.name }?.videoType ?? .camera
        return VideoSourceMapping(
            source: source.name, owner: owner.id, ssrc: slot.ssrc, rtx: slot.rtxSSRC, videoType: type,
            mid: slot.mediaID)
    }

    private func audioMapping(_ slot: SlotMapping) -> AudioSourceMapping? {
        guard slot.mediaType == .audio, let source = slot.source, let owner = endpoints[source.owner] else {
            return nil
        }
        return AudioSourceMapping(source: source.name, owner: owner.id, ssrc: slot.ssrc, mid: slot.mediaID)
    }
}

extension ChannelEndpoint {
    /// Remembers what a slot carries.
    fileprivate func remember(_ change: SlotMapping) {
        if let place = slots.firstIndex(where: { $0.ssrc == change.ssrc }) {
            slots[place] = change
        } else if slots.count < BridgeChannelLimits.slots {
            slots.append(change)
        }
    }
}
