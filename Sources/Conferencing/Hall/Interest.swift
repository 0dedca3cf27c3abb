// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages

/// A set of members of a conference, by place.
struct MemberSet: BitwiseCopyable {
    private(set) var words = InlineArray<16, UInt64>(repeating: 0)

    /// Words of a set: as many as a conference can have members.
    static var wordCount: Int { 16 }

    @inline(__always)
    func contains(_ member: Int) -> Bool { words[member >> 6] >> UInt64(member & 63) & 1 == 1 }

    /// Whether nobody is in.
    var isEmpty: Bool {
        for index in 0..<Self.wordCount where words[index] != 0 { return false }
        return true
    }

    mutating func formUnion(_ other: MemberSet) {
        for index in 0..<Self.wordCount { words[index] |= other.words[index] }
    }

    /// Every place there can be.
    static var everybody: MemberSet {
        var set = MemberSet()
        for index in 0..<wordCount { set.words[index] = .max }
        return set
    }

    mutating func insert(_ member: Int) { words[member >> 6] |= 1 << UInt64(member & 63) }

    mutating func remove(_ member: Int) { words[member >> 6] &= ~(1 << UInt64(member & 63)) }

    @inline(__always)
    mutating func formUnion(_ word: UInt64, at index: Int) { words[index] |= word }

    /// Takes the member with the lowest place out.
    @inline(__always)
    mutating func popFirst() -> Int? {
        for index in 0..<Self.wordCount where words[index] != 0 {
            let bit = words[index].trailingZeroBitCount
            words[index] &= words[index] &- 1
            return index << 6 | bit
        }
        return nil
    }
}

/// Who wants which source: a bit for each pair of member and source.
///
/// The words of one group of 64 members lie together, source after source: a member who becomes ready or leaves changes
/// one bit in each of a run of words, and a batch reads the few words of the sources it holds.
struct Interest: ~Copyable {
    /// Word of member group g and source s at `g * columns + s`.
    private var words = GrowableBuffer<UInt64>()
    /// Words like those: what a member does not want although it could have it.
    private var denied = GrowableBuffer<UInt64>()
    /// Sources that nobody gets for now, by slot.
    private var isOff = GrowableBuffer<Bool>()
    /// What the source in each slot is; `nil` where there is none.
    private var types = GrowableBuffer<MediaType?>()
    private var columns = 0
    private(set) var groups = 0
    /// Members that are ready and take audio, and those that take video.
    private var audio = MemberSet()
    private var video = MemberSet()

    /// Whether `member` wants the source in `slot`.
    @inline(__always)
    func wants(_ member: Int, source slot: Int) -> Bool {
        words[(member >> 6) * columns + slot] >> UInt64(member & 63) & 1 == 1
    }

    /// Whether nobody wants the source in `slot`.
    @inline(__always)
    func isUnwanted(_ slot: Int) -> Bool {
        for group in 0..<groups where words[group * columns + slot] != 0 { return false }
        return true
    }

    /// Adds everybody who wants the source in `slot` to `set`.
    @inline(__always)
    func collect(_ slot: Int, into set: inout MemberSet) {
        for group in 0..<groups { set.formUnion(words[group * columns + slot], at: group) }
    }

    /// Makes room for a member's place and a source's slot.
    mutating func makeRoom(members: Int, sources: Int) {
        let neededGroups = (members + 63) >> 6
        guard neededGroups > groups || sources > columns else { return }
        let newColumns = sources > columns ? max(sources, columns * 2, 4) : columns
        let newGroups = max(neededGroups, groups)
        var larger = GrowableBuffer<UInt64>(capacity: newGroups * newColumns)
        var largerDenied = GrowableBuffer<UInt64>(capacity: newGroups * newColumns)
        for group in 0..<newGroups {
            for slot in 0..<newColumns {
                let isOld = group < groups && slot < columns
                larger.append(isOld ? words[group * columns + slot] : 0)
                largerDenied.append(isOld ? denied[group * columns + slot] : 0)
            }
        }
        words = larger
        denied = largerDenied
        while types.count < newColumns {
            types.append(nil)
            isOff.append(false)
        }
        (groups, columns) = (newGroups, newColumns)
    }

    /// A member is ready for media of these types, or for none: it gets every such source that it has not denied.
    /// - Returns: whether that is news; if so the caller takes its own sources out with ``exclude(_:source:)``.
    mutating func set(_ member: Int, audio takesAudio: Bool, video takesVideo: Bool, anew: Bool = false) -> Bool {
        guard anew || audio.contains(member) != takesAudio || video.contains(member) != takesVideo else {
            return false
        }
        if takesAudio { audio.insert(member) } else { audio.remove(member) }
        if takesVideo { video.insert(member) } else { video.remove(member) }
        let bit: UInt64 = 1 << UInt64(member & 63)
        let start = (member >> 6) * columns
        for slot in 0..<columns {
            let takes = takes(member, slot)
            if takes { words[start + slot] |= bit } else { words[start + slot] &= ~bit }
        }
        return true
    }

    /// Whether a member can take the source in `slot`, as far as types go, and may have it.
    private func takes(_ member: Int, _ slot: Int) -> Bool {
        guard !isOff[slot], denied[(member >> 6) * columns + slot] >> UInt64(member & 63) & 1 == 0 else { return false }
        return switch types[slot] {
        case .audio: audio.contains(member)
        case .video: video.contains(member)
        case nil: false
        }
    }

    /// Whether a member does not want the source in `slot`, by its own word.
    func isDenied(_ member: Int, source slot: Int) -> Bool {
        denied[(member >> 6) * columns + slot] >> UInt64(member & 63) & 1 == 1
    }

    /// A member wants the source in `slot`, which is not its own, or does not want it.
    mutating func setDenied(_ isDenied: Bool, _ member: Int, source slot: Int) {
        let position = (member >> 6) * columns + slot
        let bit: UInt64 = 1 << UInt64(member & 63)
        if isDenied { denied[position] |= bit } else { denied[position] &= ~bit }
        if takes(member, slot) { words[position] |= bit } else { words[position] &= ~bit }
    }

    /// Of what there is of a type, a member has none before it has chosen.
    mutating func denyAll(_ member: Int, _ type: MediaType) {
        let start = (member >> 6) * columns
        for slot in 0..<columns where types[slot] == type { denied[start + slot] |= 1 << UInt64(member & 63) }
    }

    /// Of a new source those have none who choose, before they have chosen.
    mutating func deny(_ members: MemberSet, source slot: Int) {
        for group in 0..<groups {
            denied[group * columns + slot] = members.words[group]
            words[group * columns + slot] &= ~members.words[group]
        }
    }

    /// A member has gone: what it denied was its own affair.
    mutating func forgetDenials(of member: Int) {
        let start = (member >> 6) * columns
        for slot in 0..<columns { denied[start + slot] &= ~(1 << UInt64(member & 63)) }
    }

    /// Nobody gets the source in `slot` for now; offered again with ``addSource(_:mediaType:ownerPlace:)``.
    mutating func switchOff(_ slot: Int) {
        isOff[slot] = true
        for group in 0..<groups { words[group * columns + slot] = 0 }
    }

    /// The source in `slot` may be had again, once it is offered.
    mutating func switchOn(_ slot: Int) { isOff[slot] = false }

    /// The member does not want the source after all: it is its own, or of a format that it cannot take.
    mutating func exclude(_ member: Int, source slot: Int) {
        words[(member >> 6) * columns + slot] &= ~(1 << UInt64(member & 63))
    }

    /// A source stands in `slot`: everybody gets it who is ready for its type and has not denied it, but for its owner.
    /// - Parameter ownerPlace: `nil` for what its owner does not send itself.
    mutating func addSource(_ slot: Int, mediaType: MediaType, ownerPlace: Int?) {
        types[slot] = mediaType
        guard !isOff[slot] else { return }
        var set = mediaType == .audio ? audio : video
        if let ownerPlace { set.remove(ownerPlace) }
        for group in 0..<groups {
            words[group * columns + slot] = set.words[group] & ~denied[group * columns + slot]
        }
    }

    /// The source in `slot` is gone.
    mutating func removeSource(_ slot: Int) {
        types[slot] = nil
        isOff[slot] = false
        for group in 0..<groups {
            words[group * columns + slot] = 0
            denied[group * columns + slot] = 0
        }
    }
}
