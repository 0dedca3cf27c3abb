// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
public import ShardMessages

// What clients said over the bridge channel, as far as forwarding has to know. The control loop has parsed it. What
// follows from it for single sources is chosen in the turns to come (Timers/ShardHost+Selection.swift).

extension ShardHost {
    /// A receiver wants this from now on; nothing happens when it is gone.
    public mutating func setPreferences(of number: EndpointNumber, to preferences: ReceiverPreferences) {
        guard let index = endpointIndex(number) else { return }
        let endpoint = endpoints.pointer(at: index)
        endpoint.pointee.prefer(preferences)
        noteChooser(index)
        select(for: endpoint.pointee.place, in: endpoint.pointee.conference)
    }

    /// A source shows this from now on, whether it is signalled already or not.
    public mutating func setVideoType(of number: EndpointNumber, source: String, to type: VideoType) {
        guard let index = endpointIndex(number) else { return }
        let endpoint = endpoints.pointer(at: index)
        endpoint.pointee.setVideoType(of: source, to: type)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let slot = Int(endpoint.pointee.uplink.sources[position])
            let candidate = conference.pointee.sources.pointer(at: slot)
            guard candidate.pointee.mediaType == .video, candidate.pointee.name == source else { continue }
            show(type, slot, in: endpoint.pointee.conference)
        }
    }

    /// What a source shows has changed.
    mutating func show(_ type: VideoType, _ slot: Int, in conferenceIndex: Int) {
        let conference = conferences.pointer(at: conferenceIndex)
        let source = conference.pointee.sources.pointer(at: slot)
        let isOff = type == .none || type == .disabled
        let isDesktop = isOff ? source.pointee.isDesktop : type != .camera
        guard isOff != source.pointee.isOff || isDesktop != source.pointee.isDesktop else { return }
        source.pointee.isDesktop = isDesktop
        if isOff != source.pointee.isOff {
            source.pointee.isOff = isOff
            if isOff {
                conference.pointee.interest.switchOff(slot)
            } else {
                conference.pointee.interest.switchOn(slot)
                // What was not sent is missing in every picture.
                source.pointee.restart()
                offer(slot, to: conference)
                conference.pointee.toAsk.append(UInt16(slot))
            }
        }
        selectForAll(in: conferenceIndex)
    }
}
