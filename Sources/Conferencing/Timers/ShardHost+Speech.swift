// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import ShardMessages
import Telemetry

// What follows from levels that time decides: the dominant speaker, who is told, and a key frame ahead of the wishes
// for one (media-plane.md 6.7, 10.2). Levels come in by the hall; a conference that is silent has no timer here.

extension ShardHost {
    /// The level of an authenticated packet that is to be forwarded.
    /// - Returns: whether it is, where only the loudest are.
    @inline(__always)
    mutating func note(
        level: UInt8, of endpoint: UnsafeMutablePointer<Endpoint>, _ source: UnsafeMutablePointer<Source>,
        at now: Timestamp
    ) -> Bool {
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let isIdle = conference.pointee.speech.nextDecision == nil
        let isLoud = conference.pointee.speech.note(127 - min(level, 127), of: endpoint.pointee.place, at: now)
        if isIdle { scheduleDecision(endpoint.pointee.conference) }
        return isLoud || source.pointee.isIncluded
    }

    private mutating func scheduleDecision(_ index: Int) {
        guard let key = conferences.key(at: index),
            let deadline = conferences.pointer(at: index).pointee.speech.nextDecision
        else { return }
        decisions.insert(deadline, owner: key)
    }

    /// Lets due decisions run.
    mutating func goOnDeciding(at now: Timestamp, into egress: inout EgressBatch) {
        var left = ConferencingLimits.speakersPerTurn
        // Ends: each turn takes an entry out, and those put in lie in the future.
        while left > 0, egress.hasRoom(datagrams: 4), let entry = decisions.popDue(at: now) {
            let index = Int(entry.owner.index)
            guard conferences.contains(entry.owner), !conferences.pointer(at: index).pointee.isEnding else { continue }
            let conference = conferences.pointer(at: index)
            if let ahead = conference.pointee.keyframeAhead, ahead.deadline <= now {
                conference.pointee.keyframeAhead = nil
                ask(ahead, in: conference, into: &egress)
            }
            guard let deadline = conference.pointee.speech.nextDecision, deadline <= now else { continue }
            left -= 1 + conference.pointee.memberCount
            let change = conference.pointee.speech.decide(at: now)
            scheduleDecision(index)
            if change.isNews { tellSpeaker(of: conference) }
            if change.isNewOrder { selectForAll(in: index, .order) }
            if change.isNewDominant {
                counters.add(.dominantSpeakerChanges)
                planKeyframe(index, at: now)
            }
        }
    }

    /// Tells who speaks. After the dominant speaker has left that is the one before.
    mutating func tellSpeaker(of conference: UnsafeMutablePointer<Conference>) {
        var state = SpeakerState(isSilent: conference.pointee.speech.isSilent)
        for position in 0..<conference.pointee.speech.recent.count {
            guard let member = conference.pointee.member(at: Int(conference.pointee.speech.recent[position])) else {
                continue
            }
            let number = endpoints.pointer(at: member).pointee.number
            if state.dominant == nil { state.dominant = number } else { state.recent.append(number) }
        }
        emit(.speakerChanged(conference.pointee.number, state))
    }

    /// Receivers will want the new speaker's picture large when they have heard of it; the key frame shall come then.
    private mutating func planKeyframe(_ index: Int, at now: Timestamp) {
        guard let key = conferences.key(at: index) else { return }
        let conference = conferences.pointer(at: index)
        guard let dominant = conference.pointee.speech.dominant,
            let speaker = conference.pointee.member(at: Int(dominant)), conference.pointee.memberCount > 2,
            let slot = firstPicture(of: speaker, in: conference)
        else { return }
        var longest = TimeDelta.zero
        var isWanted = false
        var place = 0
        // Ends: each turn goes one place on.
        while let (next, member) = conference.pointee.nextMember(from: place) {
            place = next + 1
            guard member != speaker else { continue }
            let receiver = endpoints.pointer(at: member)
            longest = max(longest, receiver.pointee.downlink.roundTrip)
            if receiver.pointee.stage.hasOther(than: UInt32(speaker)) { isWanted = true }
        }
        guard isWanted else { return counters.add(.keyframesAheadSuppressed) }
        let wait = longest - endpoints.pointer(at: speaker).pointee.downlink.roundTrip + .milliseconds(10)
        let deadline = now + max(wait, .zero)
        conference.pointee.keyframeAhead = Conference.KeyframeAhead(
            deadline: deadline, source: UInt16(slot), generation: conference.pointee.sources[slot].generation)
        decisions.insert(deadline, owner: key)
    }

    private func firstPicture(of index: Int, in conference: UnsafeMutablePointer<Conference>) -> Int? {
        let endpoint = endpoints.pointer(at: index)
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let slot = Int(endpoint.pointee.uplink.sources[position])
            let source = conference.pointee.sources.pointer(at: slot)
            if source.pointee.mediaType == .video { return source.pointee.isOff ? nil : slot }
        }
        return nil
    }

    private mutating func ask(
        _ ahead: Conference.KeyframeAhead, in conference: UnsafeMutablePointer<Conference>,
        into egress: inout EgressBatch
    ) {
        let slot = Int(ahead.source)
        guard slot < conference.pointee.sources.count,
            conference.pointee.sources[slot].generation == ahead.generation, !conference.pointee.sources[slot].isOff
        else { return }
        // No limit holds: it comes once for a change of speakers.
        if sendKeyframeRequest(of: slot, in: conference, into: &egress) { counters.add(.keyframesAheadSent) }
    }
}
