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
        for group in 0..<newGroups {
            for slot in 0..<newColumns {
                larger.append(group < groups && slot < columns ? words[group * columns + slot] : 0)
            }
        }
        words = larger
        while types.count < newColumns { types.append(nil) }
        (groups, columns) = (newGroups, newColumns)
    }

    /// A member is ready for media of these types, or for none: it wants every such source.
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
            let takes =
                switch types[slot] {
                case .audio: takesAudio
                case .video: takesVideo
                case nil: false
                }
            if takes { words[start + slot] |= bit } else { words[start + slot] &= ~bit }
        }
        return true
    }

    /// The member does not want the source after all: it is its own, or of a format that it cannot take.
    mutating func exclude(_ member: Int, source slot: Int) {
        words[(member >> 6) * columns + slot] &= ~(1 << UInt64(member & 63))
    }

    /// A new source stands in `slot`: everybody ready for its type wants it, but for its owner.
    mutating func addSource(_ slot: Int, mediaType: MediaType, ownerPlace: Int) {
        var set = mediaType == .audio ? audio : video
        set.remove(ownerPlace)
        types[slot] = mediaType
        for group in 0..<groups { words[group * columns + slot] = set.words[group] }
    }

    /// The source in `slot` is gone.
    mutating func removeSource(_ slot: Int) {
        types[slot] = nil
        for group in 0..<groups { words[group * columns + slot] = 0 }
    }
}
