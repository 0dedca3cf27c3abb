// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import Primitives
import ShardMessages

// Which sources receivers with SSRC rewriting have in their slots, and how they are told (media-plane.md 5.10).

extension ShardHost {
    /// Gives the pictures on the board slots: first those that the receiver is to get, then, as far as slots are free,
    /// those that it could ask for, so that it has their media lines ready.
    mutating func mapPictures(
        for receiver: UnsafeMutablePointer<Endpoint>, _ index: Int, of conference: UnsafeMutablePointer<Conference>,
        at now: Timestamp
    ) {
        let before = receiver.pointee.rewriting.video.useCount
        // Those that have a slot keep it.
        for position in 0..<board.count where isPicture(position, for: index, of: conference, isWanted: true) {
            if let slot = receiver.pointee.rewriting.video.slot(of: board.sources[position].key) {
                receiver.pointee.rewriting.video.touch(slot)
            }
        }
        for position in 0..<board.count where isPicture(position, for: index, of: conference, isWanted: true) {
            mapPicture(board.sources[position].key, of: receiver, takesOver: before, at: now)
        }
        guard receiver.pointee.downlink.acceptsVideo else { return }
        for position in 0..<board.count where isPicture(position, for: index, of: conference, isWanted: false) {
            mapPicture(board.sources[position].key, of: receiver, takesOver: nil, at: now)
        }
    }

    /// Whether a picture on the board is another's that is still there, and was chosen for the receiver, or could be.
    private func isPicture(
        _ position: Int, for index: Int, of conference: UnsafeMutablePointer<Conference>, isWanted: Bool
    ) -> Bool {
        let source = board.sources[position]
        let slot = Int(board.slots[position])
        guard source.owner != UInt32(index), conference.pointee.sources[slot].allocationKey(slot: slot) == source.key
        else { return false }
        return isWanted ? board.results[position].wish.isWanted : source.isEnabled
    }

    /// - Parameter takesOver: how many uses there had been when those that are needed began to be counted: one that was
    ///   used less recently gives its slot up; `nil` for none.
    private mutating func mapPicture(
        _ key: UInt64, of receiver: UnsafeMutablePointer<Endpoint>, takesOver: UInt64?, at now: Timestamp
    ) {
        guard receiver.pointee.rewriting.video.slot(of: key) == nil else { return }
        let index: Int
        if let found = receiver.pointee.rewriting.video.eldestFree ?? makeSlot(of: receiver, isAudio: false) {
            index = found
        } else {
            guard let takesOver, let eldest = receiver.pointee.rewriting.video.eldestMapped(before: takesOver) else {
                return
            }
            vacate(eldest, of: receiver, isAudio: false)
            index = eldest
        }
        receiver.pointee.rewriting.video.map(index, to: key, at: now)
        noteSlots(of: receiver)
    }

    // MARK: Telling

    /// Has the control plane told what slots of a receiver carry.
    mutating func noteSlots(of receiver: UnsafeMutablePointer<Endpoint>) {
        guard !receiver.pointee.rewriting.isToTell, let index = endpointIndex(receiver.pointee.number),
            let key = endpoints.key(at: index)
        else { return }
        receiver.pointee.rewriting.isToTell = true
        if !receiver.pointee.reception.isToTell { telling.append(key) }
    }

    /// A source has another name: those are told again who have it in a slot.
    mutating func renewSlots(ofSource slot: Int, in conference: UnsafeMutablePointer<Conference>) {
        guard conference.pointee.rewritingCount > 0 else { return }
        let source = conference.pointee.sources.pointer(at: slot)
        let key = source.pointee.allocationKey(slot: slot)
        let isAudio = source.pointee.mediaType == .audio
        var place = 0
        // Ends: every turn goes on behind the member it has found.
        while let (found, member) = conference.pointee.nextMember(from: place) {
            place = found + 1
            let receiver = endpoints.pointer(at: member)
            guard let index = receiver.pointee.rewriting.slot(of: key, isAudio: isAudio) else { continue }
            receiver.pointee.rewriting.slot(index, isAudio: isAudio).pointee.isNews = true
            noteSlots(of: receiver)
        }
    }

    /// Tells the control plane what has changed in the slots of a receiver.
    mutating func tellSlots(of receiver: UnsafeMutablePointer<Endpoint>, in number: ConferenceNumber) {
        guard receiver.pointee.rewriting.isToTell else { return }
        receiver.pointee.rewriting.isToTell = false
        var changes: [SlotMapping] = []
        for isAudio in [false, true] {
            let count = isAudio ? receiver.pointee.rewriting.audio.count : receiver.pointee.rewriting.video.count
            for index in 0..<count {
                let slot = receiver.pointee.rewriting.slot(index, isAudio: isAudio)
                guard slot.pointee.isNews else { continue }
                slot.pointee.isNews = false
                changes.append(mapping(slot.pointee, isAudio: isAudio, of: receiver))
            }
        }
        emit(.slotsChanged(receiver.pointee.number, conference: number, changes))
    }

    private func mapping(
        _ slot: SourceSlot, isAudio: Bool, of receiver: UnsafeMutablePointer<Endpoint>
    ) -> SlotMapping {
        let conference = conferences.pointer(at: receiver.pointee.conference)
        var source: SlotMapping.Source?
        if !slot.isFree {
            let carried = conference.pointee.sources.pointer(at: SourceSlot.place(of: slot.key))
            source = SlotMapping.Source(
                owner: endpoints.pointer(at: Int(carried.pointee.owner)).pointee.number, name: carried.pointee.name)
        }
        let isNamed = receiver.pointee.rewriting.numbering == .namedSlots
        return SlotMapping(
            mediaType: isAudio ? .audio : .video, ssrc: slot.ssrc, rtxSSRC: slot.rtxSSRC,
            mediaID: isNamed ? slot.mediaID.text : nil, source: source)
    }
}
