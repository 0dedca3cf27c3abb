// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
public import Primitives
import ShardMessages

// The end of endpoints and conferences. Taking a thousand sessions apart takes many milliseconds, so a conference ends
// in two steps: at once nobody finds it or its members any more, and then the members are taken apart turn by turn.

extension ShardHost {
    /// Removes an endpoint completely: ids, SSRCs, flows. Nothing of it lingers when this returns.
    mutating func removeEndpoint(_ index: Int) {
        guard let key = endpoints.key(at: index) else { return }
        let endpoint = endpoints.pointer(at: index)
        let conferenceIndex = endpoint.pointee.conference
        let conference = conferences.pointer(at: conferenceIndex)
        let hasSources = !endpoint.pointee.uplink.sources.isEmpty
        for position in 0..<endpoint.pointee.uplink.sources.count {
            removeSource(Int(endpoint.pointee.uplink.sources[position]), from: conferenceIndex)
        }
        if !endpoint.pointee.uplink.refused.isEmpty { forgetRefused(index, in: conference) }
        closeRepairs(of: endpoint)
        forgetFlows(of: index)
        if !conference.pointee.isEnding { leaveSpeech(endpoint, conference) }
        if endpoint.pointee.rewriting.isActive { conference.pointee.rewritingCount -= 1 }
        if endpoint.pointee.downlink.takesRedundancy { conference.pointee.redundantCount -= 1 }
        conference.pointee.removeMember(at: endpoint.pointee.place)
        endpointByNumber.remove(endpoint.pointee.number.value)
        endpoints.discard(key)
        hasFreedMemory = true
        if hasSources, !conference.pointee.isEnding { retrySources(in: conferenceIndex, except: index) }
    }

    /// Who leaves is no speaker any more, at once (media-plane.md 10.2).
    private mutating func leaveSpeech(
        _ endpoint: UnsafeMutablePointer<Endpoint>, _ conference: UnsafeMutablePointer<Conference>
    ) {
        let change = conference.pointee.speech.leave(endpoint.pointee.place)
        if change.isNews { tellSpeaker(of: conference) }
    }

    /// Ends a conference: its number is free at once, and its members are reached by nothing.
    mutating func endConference(_ index: Int) {
        let conference = conferences.pointer(at: index)
        guard !conference.pointee.isEnding else { return }
        conferenceByNumber.remove(conference.pointee.number.value)
        dropWaiting(conference, at: index)
        conference.pointee.isEnding = true
        ending.append(UInt32(index))
        endingCount += conference.pointee.memberCount
    }

    /// Whether ended conferences wait for being taken apart.
    public var hasRemovals: Bool { !ending.isEmpty }

    /// Takes apart what ended conferences still hold: at most so many endpoints.
    public mutating func clearAway(at now: Timestamp, limit: Int = ConferencingLimits.removalsPerTurn) {
        var left = limit
        // Ends: every turn takes an endpoint or a conference away, or returns.
        while left > 0, let first = ending.first {
            let index = Int(first)
            left -= 1
            guard let (place, member) = conferences.pointer(at: index).pointee.nextMember(from: nextPlace) else {
                // A thousand sources take their time as well.
                let conference = conferences.pointer(at: index)
                if conference.pointee.forgetSources(ConferencingLimits.sourcesPerRemoval) { continue }
                nextPlace = 0
                ending.popFirst()
                if let key = conferences.key(at: index) { conferences.discard(key) }
                continue
            }
            nextPlace = place + 1
            endingCount -= 1
            removeEndpoint(member)
        }
    }

    /// glibc keeps what is freed in one list, and whoever asks for memory next waits until that is sorted. Behind a
    /// thousand sessions that was milliseconds; asked for in every turn that took some apart, it is theirs alone.
    mutating func sortFreedMemory() {
        guard hasFreedMemory else { return }
        hasFreedMemory = false
        UnsafeMutableRawPointer.allocate(byteCount: 1 << 17, alignment: 16).deallocate()
    }

    /// Makes room at once when every slot is taken by something that has ended.
    mutating func clearAway(at now: Timestamp, atLeastOneConference: Bool) {
        let conferencesBefore = conferences.count
        // Ends: every turn removes something of a finite list.
        while !ending.isEmpty {
            clearAway(at: now, limit: 1)
            if atLeastOneConference ? conferences.count < conferencesBefore : endpoints.nextKey != nil { return }
        }
    }
}
