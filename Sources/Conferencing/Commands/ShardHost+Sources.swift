// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import ShardMessages
import Telemetry

// What an endpoint says it sends. A source that finds no place (an SSRC that is another's, a full table) does not make
// the request fail: an error on an update would end the whole meeting (control-plane.md 3.9). It is told once, counted,
// shown by `/debug`, and taken up when the place is free.

extension ShardHost {
    /// Makes the list of what an endpoint sends equal to `descriptions`: sources that stay keep their state.
    mutating func replaceSources(of index: Int, with descriptions: [SourceDescription]) {
        let endpoint = endpoints.pointer(at: index)
        let list = endpoint.pointee.isVisitor ? [] : Array(descriptions.prefix(ShardMessagesLimits.sources))
        endpoint.pointee.uplink.descriptions = list
        // Those that stay are known by their first SSRC, which is the one that receivers see.
        var position = 0
        while position < endpoint.pointee.uplink.sources.count {
            let slot = Int(endpoint.pointee.uplink.sources[position])
            let source = conferences.pointer(at: endpoint.pointee.conference).pointee.sources.pointer(at: slot)
            let (ssrc, mediaType) = (source.pointee.outgoingSSRC, source.pointee.mediaType)
            if list.contains(where: { $0.streams.first?.ssrc == ssrc && $0.mediaType == mediaType }) {
                position += 1
                continue
            }
            _ = endpoint.pointee.uplink.sources.swapRemove(at: position)
            removeSource(slot, from: endpoint.pointee.conference)
        }
        let before = endpoint.pointee.uplink.refused
        placeSources(of: index)
        // What one of its sources has given up another may take, in whatever order they are listed.
        if !endpoint.pointee.uplink.refused.isEmpty { placeSources(of: index) }
        for refusal in endpoint.pointee.uplink.refused {
            let ssrc = list[refusal.position].streams.first?.ssrc ?? 0
            guard !before.contains(where: { $0 == refusal }) else { continue }
            counters.add(refusal.reason == .full ? .sourcesRefusedFull : .sourcesRefusedForeign)
            emit(.sourceRefused(endpoint.pointee.number, ssrc: ssrc, reason: refusal.reason))
        }
        retrySources(in: endpoint.pointee.conference, except: index)
    }

    /// Gives every source of an endpoint its place that has none and can have one.
    private mutating func placeSources(of index: Int) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        var refused: [(position: Int, reason: SourceRefusal)] = []
        var placed: [Int] = []
        var known: [(ssrc: UInt32, reference: StreamReference)] = []
        for (position, description) in endpoint.pointee.uplink.descriptions.enumerated() {
            let streams = Array(description.streams.prefix(ShardMessagesLimits.streamsPerSource))
            guard let first = streams.first else { continue }
            var own = ownSlot(of: endpoint, outgoing: first.ssrc, description.mediaType, in: conference)
            if let slot = own, placed.contains(slot) { own = nil }
            if let reason = conference.pointee.refusal(of: streams, own: own) {
                refused.append((position, reason))
                continue
            }
            let slot: Int
            if let own {
                slot = own
            } else {
                slot = conference.pointee.addSource(
                    description.mediaType, owner: UInt32(index), place: endpoint.pointee.place,
                    isSynthetic: description.isSynthetic)
                endpoint.pointee.uplink.sources.append(UInt16(slot))
            }
            placed.append(slot)
            describe(slot, as: description, at: position, of: endpoint, isNew: own == nil)
            if own != nil, conference.pointee.areOther(streams, than: slot) {
                dropWaiting(slot, of: conference)
                conference.pointee.sources[slot].frames = FrameHistories()
                // What receivers get goes by the numbers of encodings; those that come behind the others change none.
                if !conference.pointee.keeps(streams, of: slot) { conference.pointee.sources[slot].restart() }
            }
            conference.pointee.setStreams(
                streams, of: slot,
                clockRate: description.mediaType == .video ? 90_000 : endpoint.pointee.uplink.audioClockRate)
            if conference.pointee.sources.pointer(at: slot).pointee.fitLayers() {
                selectForAll(in: endpoint.pointee.conference)
            }
        }
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let slot = Int(endpoint.pointee.uplink.sources[position])
            let source = conference.pointee.sources.pointer(at: slot)
            // Nobody may send in the name of the server.
            if source.pointee.isSynthetic { continue }
            for encoding in 0..<source.pointee.encodings.count {
                let reference = StreamReference(source: UInt16(slot), encoding: UInt8(encoding))
                known.append((source.pointee.encodings[encoding].ssrc, reference))
                guard let rtx = source.pointee.encodings[encoding].rtxSSRC else { continue }
                var repairs = reference
                repairs.isRetransmission = true
                known.append((rtx, repairs))
            }
        }
        endpoint.pointee.uplink.setStreams(known)
        let hadRefused = !endpoint.pointee.uplink.refused.isEmpty
        endpoint.pointee.uplink.refused = refused
        if !refused.isEmpty, !hadRefused { conference.pointee.refused.append(UInt32(index)) }
        if refused.isEmpty, hadRefused { forgetRefused(index, in: conference) }
    }

    /// Gives a source the name and type that were signalled, and those who choose the choice.
    private mutating func describe(
        _ slot: Int, as description: SourceDescription, at position: Int, of endpoint: UnsafeMutablePointer<Endpoint>,
        isNew: Bool
    ) {
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let source = conference.pointee.sources.pointer(at: slot)
        let isRenamed = source.pointee.name != description.name
        source.pointee.name = description.name
        if source.pointee.position != position {
            source.pointee.position = UInt16(position)
            if !isNew { selectForAll(in: endpoint.pointee.conference, .order) }
        }
        if isNew { withhold(slot, in: endpoint.pointee.conference) }
        guard isNew || isRenamed else { return }
        if !isNew { renewSlots(ofSource: slot, in: conference) }
        source.pointee.isDesktop = description.isDesktop
        if !isNew { selectForAll(in: endpoint.pointee.conference) }
        guard source.pointee.mediaType == .video else { return }
        let type = endpoint.pointee.videoType(of: description.name) ?? (description.isDesktop ? .desktop : .camera)
        show(type, slot, in: endpoint.pointee.conference)
    }

    /// The slot of the endpoint's own source of this type with this first SSRC.
    private func ownSlot(
        of endpoint: UnsafeMutablePointer<Endpoint>, outgoing ssrc: UInt32, _ mediaType: MediaType,
        in conference: UnsafeMutablePointer<Conference>
    ) -> Int? {
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let slot = Int(endpoint.pointee.uplink.sources[position])
            let source = conference.pointee.sources.pointer(at: slot)
            if source.pointee.outgoingSSRC == ssrc, source.pointee.mediaType == mediaType { return slot }
        }
        return nil
    }

    /// Something became free in a conference: whoever waited for it tries again.
    mutating func retrySources(in conferenceIndex: Int, except index: Int) {
        let conference = conferences.pointer(at: conferenceIndex)
        guard !conference.pointee.refused.isEmpty else { return }
        var waiting: [Int] = []
        for position in 0..<conference.pointee.refused.count {
            waiting.append(Int(conference.pointee.refused[position]))
        }
        for other in waiting where other != index { placeSources(of: other) }
    }

    func forgetRefused(_ index: Int, in conference: UnsafeMutablePointer<Conference>) {
        for position in 0..<conference.pointee.refused.count
        where conference.pointee.refused[position] == UInt32(index) {
            _ = conference.pointee.refused.swapRemove(at: position)
            return
        }
    }

    /// What was muted is missing in every receiver's picture: each begins again with a key frame.
    mutating func restartVideo(of index: Int) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let source = conference.pointee.sources.pointer(at: Int(endpoint.pointee.uplink.sources[position]))
            if source.pointee.mediaType == .video { source.pointee.restart() }
        }
    }

    /// Frees the slot of a source and what waits in it.
    mutating func removeSource(_ slot: Int, from conferenceIndex: Int) {
        let conference = conferences.pointer(at: conferenceIndex)
        dropWaiting(slot, of: conference)
        if !conference.pointee.isEnding {
            closeRepairs(ofSource: slot, in: conference)
            vacateSlots(ofSource: slot, in: conference)
        }
        conference.pointee.removeSource(slot)
        if !conference.pointee.isEnding { selectForAll(in: conferenceIndex) }
    }

    /// A source begins to send another format: whoever could not take the former is asked again.
    func offer(_ slot: Int, to conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: slot)
        let place = endpoints.pointer(at: Int(source.pointee.owner)).pointee.place
        conference.pointee.interest.addSource(
            slot, mediaType: source.pointee.mediaType, ownerPlace: source.pointee.isSynthetic ? nil : Int(place))
    }

    /// Notes which media an endpoint can be sent now.
    /// - Parameter anew: whether it takes other formats than before, so that all sources are offered again.
    mutating func refreshInterest(of index: Int, anew: Bool = false) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let isReady = endpoint.pointee.transport.hasKeys
        let place = Int(endpoint.pointee.place)
        guard
            conference.pointee.interest.set(
                place, audio: isReady && endpoint.pointee.downlink.acceptsAudio,
                video: isReady && endpoint.pointee.downlink.acceptsVideo, anew: anew)
        else { return }
        if isReady { select(for: endpoint.pointee.place, in: endpoint.pointee.conference) }
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let slot = Int(endpoint.pointee.uplink.sources[position])
            if !conference.pointee.sources.pointer(at: slot).pointee.isSynthetic {
                conference.pointee.interest.exclude(place, source: slot)
            }
        }
    }
}
