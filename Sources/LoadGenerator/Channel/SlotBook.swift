// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Under which SSRCs the others' streams come: their own, or with SSRC rewriting those of which the bridge has told.
struct SlotBook {
    /// A slot as the bridge tells of it.
    struct Entry: Equatable {
        var source: String
        var ssrc: UInt32
        /// Of retransmissions; `nil` for audio.
        var repairSSRC: UInt32?
    }

    /// Whether there is SSRC rewriting.
    let isActive: Bool
    private let conference: PlannedConference
    private let places: [String: Int]
    private var streams: [UInt32: (index: Int, isRepair: Bool)] = [:]
    private var ssrcs: [Int: UInt32] = [:]

    init(_ conference: PlannedConference, isActive: Bool) {
        self.conference = conference
        self.isActive = isActive
        var places: [String: Int] = [:]
        if isActive {
            for (place, member) in conference.members.enumerated() {
                if place < conference.speakers { places["\(member.endpoint)-a0"] = place }
                if place < conference.videoSenders { places["\(member.endpoint)-v0"] = conference.firstVideo + place }
            }
        }
        self.places = places
    }

    /// The stream that an incoming SSRC belongs to.
    @inline(__always)
    func index(of ssrc: UInt32) -> Int? { isActive ? index(told: ssrc, isRepair: false) : conference.index(of: ssrc) }

    /// The stream whose retransmissions an incoming SSRC carries.
    @inline(__always)
    func index(ofRepair ssrc: UInt32) -> Int? {
        isActive ? index(told: ssrc, isRepair: true) : conference.index(ofRepair: ssrc)
    }

    private func index(told ssrc: UInt32, isRepair: Bool) -> Int? {
        guard let found = streams[ssrc], found.isRepair == isRepair else { return nil }
        return found.index
    }

    /// The SSRC of a stream, to say something of it; `nil` before there is one.
    func ssrc(of index: Int) -> UInt32? { isActive ? ssrcs[index] : conference.streams[index].ssrc }

    /// The bridge tells of a slot.
    /// - Returns: whether its source is somebody's of the conference, and no other stream has its SSRCs for repeats.
    mutating func take(_ entry: Entry) -> Bool {
        guard let index = places[entry.source], conference.streams[index].isVideo == (entry.repairSSRC != nil),
            streams[entry.ssrc]?.isRepair != true
        else { return false }
        if let former = streams[entry.ssrc] { ssrcs[former.index] = nil }
        if let former = ssrcs[index] { streams[former] = nil }
        streams[entry.ssrc] = (index, false)
        ssrcs[index] = entry.ssrc
        if let repair = entry.repairSSRC { streams[repair] = (index, true) }
        return true
    }
}
