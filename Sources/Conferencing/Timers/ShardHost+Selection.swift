// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import ShardMessages
import Telemetry

// Which sources a receiver gets (media-plane.md 9.1, 9.2, 10.6): chosen when something changes, a few receivers a turn,
// and written down as the bits of `Interest`, so that the hall asks nobody.

extension ShardHost {
    /// A member's sources are to be chosen anew.
    mutating func select(for place: UInt16, in conferenceIndex: Int) {
        conferences.pointer(at: conferenceIndex).pointee.toSelect.insert(Int(place))
        beginSelecting(conferenceIndex)
    }

    /// Who is to choose anew.
    enum Reason {
        /// Sources are others than before: everybody.
        case sources
        /// Pictures are: everybody who gets any.
        case pictures
        /// The order of speakers is: those to whom that matters.
        case order
    }

    /// The sources of all members are to be chosen anew to whom what has changed matters.
    mutating func selectForAll(in conferenceIndex: Int, _ reason: Reason = .sources) {
        let conference = conferences.pointer(at: conferenceIndex)
        conference.pointee.pictureVersion &+= 1
        if reason == .order {
            conference.pointee.toSelect.formUnion(conference.pointee.limited)
        } else {
            conference.pointee.wantsRound = true
        }
        beginSelecting(conferenceIndex)
    }

    /// All members of a conference choose anew, or later: a round costs the square of a large meeting, so that whoever
    /// comes and goes, or changes what there is, all the time, may have a tenth of the worker at most.
    private mutating func beginRound(of conferenceIndex: Int, at now: Timestamp) {
        let conference = conferences.pointer(at: conferenceIndex)
        conference.pointee.wantsRound = false
        let pairs = Int64(conference.pointee.memberCount * conference.pointee.sources.count)
        let spacing = ConferencingLimits.roundPerPair * pairs
        if spacing >= ConferencingLimits.freeRound, let last = conference.pointee.lastRound, now < last + spacing {
            return postponeRound(of: conferenceIndex, to: last + spacing)
        }
        conference.pointee.lastRound = now
        // Ends: each turn goes one place on.
        var place = 0
        while let (next, _) = conference.pointee.nextMember(from: place) {
            place = next + 1
            conference.pointee.toSelect.insert(next)
        }
    }

    /// A source is new: who chooses gets it when it is chosen, and what is made on the server's side nobody else.
    mutating func withhold(_ slot: Int, in conferenceIndex: Int) {
        let conference = conferences.pointer(at: conferenceIndex)
        let source = conference.pointee.sources.pointer(at: slot)
        let isVoice = source.pointee.mediaType == .audio
        let choosers = isVoice ? conference.pointee.voiceChoosers : conference.pointee.choosers
        conference.pointee.interest.deny(source.pointee.isSynthetic ? .everybody : choosers, source: slot)
        // Who hears everything anyway has nothing to choose.
        if isVoice, !source.pointee.isSynthetic, choosers.isEmpty, conference.pointee.rewritingCount == 0 { return }
        selectForAll(in: conferenceIndex)
    }

    /// A member has come, or has another opinion on what it wants.
    mutating func noteChooser(_ index: Int) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let place = Int(endpoint.pointee.place)
        if endpoint.pointee.isChooser {
            conference.pointee.choosers.insert(place)
        } else {
            conference.pointee.choosers.remove(place)
        }
        if endpoint.pointee.wishes.choosesVoices {
            conference.pointee.voiceChoosers.insert(place)
        } else {
            conference.pointee.voiceChoosers.remove(place)
        }
    }

    /// A member has come: what there is already is withheld from one that chooses, and what is made on the server's
    /// side from everybody.
    mutating func beginChoice(of index: Int) {
        noteChooser(index)
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let place = Int(endpoint.pointee.place)
        conference.pointee.pictureVersion &+= 1
        select(for: endpoint.pointee.place, in: endpoint.pointee.conference)
        if endpoint.pointee.isChooser { conference.pointee.interest.denyAll(place, .video) }
        if endpoint.pointee.wishes.choosesVoices {
            conference.pointee.interest.denyAll(place, .audio)
        } else if conference.pointee.syntheticCount > 0 {
            for slot in 0..<conference.pointee.sources.count where conference.pointee.sources[slot].isSynthetic {
                conference.pointee.interest.setDenied(true, place, source: slot)
            }
        }
    }

    private mutating func beginSelecting(_ conferenceIndex: Int) {
        let conference = conferences.pointer(at: conferenceIndex)
        guard !conference.pointee.isSelecting,
            conference.pointee.wantsRound || !conference.pointee.toSelect.isEmpty || !conference.pointee.toAsk.isEmpty
        else { return }
        conference.pointee.isSelecting = true
        selecting.append(UInt32(conferenceIndex))
    }

    /// Chooses for those who wait, as many as a turn has time for.
    mutating func goOnSelecting(at now: Timestamp, into egress: inout EgressBatch) {
        var left = ConferencingLimits.selectionsPerTurn
        // Ends: each turn takes a source, a member or a conference away.
        while left > 0, egress.hasRoom(datagrams: 16), let first = selecting.first {
            let conference = conferences.pointer(at: Int(first))
            if conference.pointee.wantsRound {
                left -= 1
                beginRound(of: Int(first), at: now)
            } else if let slot = conference.pointee.toAsk.popLast() {
                left -= 1
                askForKeyframe(of: Int(slot), in: conference, at: now, into: &egress)
            } else if let place = conference.pointee.toSelect.popFirst() {
                left -= 1
                if let index = conference.pointee.member(at: place) {
                    left -= choose(for: index, at: place, of: conference, at: now, into: &egress)
                }
            } else {
                conference.pointee.isSelecting = false
                selecting.popFirst()
            }
        }
    }

    private mutating func choose(
        for index: Int, at place: Int, of conference: UnsafeMutablePointer<Conference>, at now: Timestamp,
        into egress: inout EgressBatch
    ) -> Int {
        let endpoint = endpoints.pointer(at: index)
        // Who is not connected is sent nothing, and chooses when it is.
        guard endpoint.pointee.transport.hasKeys else { return 0 }
        var cost = 0
        if endpoint.pointee.reviewsVoices || endpoint.pointee.rewriting.isActive
            || conference.pointee.syntheticCount > 0
        {
            cost = conference.pointee.sources.count
            chooseVoices(for: endpoint, index, at: place, of: conference, at: now)
            endpoint.pointee.reviewsVoices = endpoint.pointee.wishes.choosesVoices
        }
        return cost + reallocate(index, at: place, of: conference, at: now, into: &egress)
    }

    private mutating func chooseVoices(
        for endpoint: UnsafeMutablePointer<Endpoint>, _ index: Int, at place: Int,
        of conference: UnsafeMutablePointer<Conference>, at now: Timestamp
    ) {
        for slot in 0..<conference.pointee.sources.count {
            let source = conference.pointee.sources.pointer(at: slot)
            guard source.pointee.isLive, source.pointee.mediaType == .audio,
                source.pointee.owner != UInt32(index) || source.pointee.isSynthetic
            else { continue }
            chooseAudio(source, slot, for: endpoint, at: place, of: conference)
            // Ahead of its first packet, as far as slots go.
            let key = source.pointee.allocationKey(slot: slot)
            if endpoint.pointee.rewriting.isActive, endpoint.pointee.downlink.acceptsAudio,
                !conference.pointee.interest.isDenied(place, source: slot),
                endpoint.pointee.rewriting.audio.slot(of: key) == nil
            {
                _ = mapVoice(key, of: endpoint, takesOver: false, at: now)
            }
        }
    }

    private func chooseAudio(
        _ source: UnsafeMutablePointer<Source>, _ slot: Int, for endpoint: UnsafeMutablePointer<Endpoint>,
        at place: Int, of conference: UnsafeMutablePointer<Conference>
    ) {
        let name = source.pointee.name
        conference.pointee.include(endpoint.pointee.wishes.includes(name), place, source: slot)
        let isWanted = endpoint.pointee.wishes.wantsAudio(name, isSynthetic: source.pointee.isSynthetic)
        if isWanted == conference.pointee.interest.isDenied(place, source: slot) {
            change(to: isWanted, slot, for: endpoint, at: place, of: conference)
        }
    }

    /// A member gets a source from now on, or gets it no more.
    func change(
        to isWanted: Bool, _ slot: Int, for endpoint: UnsafeMutablePointer<Endpoint>, at place: Int,
        of conference: UnsafeMutablePointer<Conference>
    ) {
        conference.pointee.interest.setDenied(!isWanted, place, source: slot)
        guard !isWanted else { return }
        // Whenever it goes on it goes on without a gap.
        let generation = conference.pointee.sources[slot].generation
        if let pair = endpoint.pointee.downlink.position(ofSlot: slot, generation: generation) {
            endpoint.pointee.downlink.projection(at: pair).pointee.interrupt()
        }
    }

    /// A source was switched on again: whoever gets it needs a key frame, so the first of them asks for all.
    private mutating func askForKeyframe(
        of slot: Int, in conference: UnsafeMutablePointer<Conference>, at now: Timestamp, into egress: inout EgressBatch
    ) {
        guard slot < conference.pointee.sources.count else { return }
        let source = conference.pointee.sources.pointer(at: slot)
        guard source.pointee.isLive, source.pointee.codec != Uplink.none else { return }
        var receivers = MemberSet()
        conference.pointee.interest.collect(slot, into: &receivers)
        guard let place = receivers.popFirst(), let index = conference.pointee.member(at: place) else { return }
        _ = pair(of: endpoints.pointer(at: index), with: slot, source, at: now)
        requestKeyframe(of: slot, in: conference, for: place, at: now, into: &egress)
    }
}
