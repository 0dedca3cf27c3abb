// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// The layers of one encoding of a picture as they come: bytes of the last second by temporal layer, and the height
/// (media-plane.md 5.3). A packet costs some nanoseconds, whoever is in the conference.
///
/// The second is kept in eight buckets of a power of two, so that nothing is divided on the way in.
struct EncodingLayers: BitwiseCopyable {
    /// Temporal layers that are told apart; what lies above counts for the highest.
    static let count = 3
    /// A bucket is 2^27 ns, 134 ms.
    private static let bucketBits: Int64 = 27
    private static let buckets = 8

    /// What a packet was besides its bytes.
    struct Note {
        /// A layer comes that did not.
        var isNews: Bool
        /// Time has passed: who else comes is to be looked at.
        var isStep: Bool
    }

    /// The encoding's SSRC.
    let ssrc: UInt32
    /// Lines of its last key frame; 0 while none is known.
    var height: UInt16 = 0
    /// Something of it came within the last second, as far as that was looked at.
    private(set) var isLive = false
    /// Bucket b of layer t at `t * buckets + b`; bytes modulo 2^32.
    private var bytes = InlineArray<24, UInt32>(repeating: 0)
    private var totals = InlineArray<3, UInt32>(repeating: 0)
    /// The newest bucket's number.
    private var newest: Int64 = -1
    /// Since when there is something.
    private var start = Timestamp.zero

    init(ssrc: UInt32) { self.ssrc = ssrc }

    /// Counts a packet.
    @inline(__always)
    mutating func note(bytes size: Int, layer: Int, at now: Timestamp) -> Note {
        let number = now.nanoseconds >> Self.bucketBits
        let isStep = number > newest
        if isStep { advance(to: number, at: now) }
        let isNews = totals[layer] == 0
        bytes[layer &* Self.buckets &+ Int(newest & 7)] &+= UInt32(truncatingIfNeeded: size)
        totals[layer] &+= UInt32(truncatingIfNeeded: size)
        isLive = true
        return Note(isNews: isNews, isStep: isStep)
    }

    /// Notices that nothing has come for a second.
    /// - Returns: whether that is news.
    mutating func fallsSilent(at now: Timestamp) -> Bool {
        guard isLive else { return false }
        advance(to: now.nanoseconds >> Self.bucketBits, at: now)
        return !isLive
    }

    /// Bits per second of a temporal layer and of those that it needs.
    mutating func bitrate(upTo layer: Int, at now: Timestamp) -> UInt64 {
        advance(to: now.nanoseconds >> Self.bucketBits, at: now)
        var sum: UInt64 = 0
        for index in 0...layer { sum += UInt64(totals[index]) }
        guard sum > 0 else { return 0 }
        let bucket: Int64 = 1 << Self.bucketBits
        let covered = bucket * Int64(Self.buckets - 1) + now.nanoseconds & (bucket - 1)
        // At the start only the time that has passed counts.
        let span = max(min(covered, (now - start).nanoseconds), bucket)
        return sum * 8_000_000_000 / UInt64(span)
    }

    /// Lets time pass: what is older than a second goes. Time that runs back stands still.
    private mutating func advance(to number: Int64, at now: Timestamp) {
        guard number > newest else { return }
        let passed = number - newest < Int64(Self.buckets) ? Int(number - newest) : Self.buckets
        for step in 0..<passed {
            let bucket = (Int(number & 7) + Self.buckets - step) & 7
            for layer in 0..<Self.count {
                totals[layer] &-= bytes[layer * Self.buckets + bucket]
                bytes[layer * Self.buckets + bucket] = 0
            }
        }
        newest = number
        var isEmpty = true
        for layer in 0..<Self.count where totals[layer] != 0 { isEmpty = false }
        if isEmpty {
            isLive = false
            start = now
        }
    }
}
