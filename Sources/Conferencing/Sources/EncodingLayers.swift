// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import VideoPayload

/// The layers of one encoding of a picture as they come: bytes of the last second by spatial and temporal layer, and
/// the heights (media-plane.md 5.3). A packet costs some nanoseconds, whoever is in the conference.
///
/// The second is kept in eight buckets of a power of two, so that nothing is divided on the way in.
struct EncodingLayers: BitwiseCopyable {
    /// Temporal layers that are told apart; what lies above counts for the highest.
    static let count = 3
    /// Spatial layers that are; likewise.
    static let spatialCount = 4
    /// A bucket is 2^27 ns, 134 ms.
    private static let bucketBits: Int64 = 27
    private static let buckets = 8
    private static let slots = count * spatialCount

    /// What a packet was besides its bytes.
    struct Note {
        /// A layer comes that did not.
        var isNews: Bool
        /// Time has passed: who else comes is to be looked at.
        var isStep: Bool
    }

    /// The encoding's SSRC.
    let ssrc: UInt32
    /// Something of it came within the last second, as far as that was looked at.
    private(set) var isLive = false
    /// Something of it came ever.
    private(set) var hasCome = false
    /// What its newest packet carries (`Codec` raw value); ``Uplink/none`` before the first.
    private(set) var codec = Uplink.none
    /// How many spatial layers it says it has, at most ``spatialCount``; 0 while it says nothing of them.
    private(set) var spatialLayers: UInt8 = 0
    /// Pictures between key pictures are built layer upon layer: a layer costs what the lower ones do, too.
    private(set) var buildsOnLower = true
    /// Where receivers can begin with it, if it is H.264.
    var starts = H264Starts()
    /// Lines of each spatial layer, as they were said last; 0 while none are known.
    private var heights = InlineArray<4, UInt16>(repeating: 0)
    private var totals = InlineArray<12, UInt32>(repeating: 0)
    /// The newest bucket's number.
    private var newest: Int64 = -1
    /// Since when there is something.
    private var start = Timestamp.zero
    /// Bucket b of slot t at `t * buckets + b`; bytes modulo 2^32. A slot is a temporal layer of a spatial one.
    private var bytes = InlineArray<96, UInt32>(repeating: 0)

    init(ssrc: UInt32) { self.ssrc = ssrc }

    /// How many spatial layers are told apart: 1 of what has none.
    var shownLayers: Int { max(Int(spatialLayers), 1) }

    /// Lines of a spatial layer; 0 while they are not known.
    func height(of spatial: Int = 0) -> UInt16 { heights[min(spatial, Self.spatialCount - 1)] }

    /// Counts a packet.
    @inline(__always)
    mutating func note(bytes size: Int, spatial: Int = 0, layer: Int, at now: Timestamp) -> Note {
        let number = now.nanoseconds >> Self.bucketBits
        let isStep = number > newest
        if isStep { advance(to: number, at: now) }
        let slot = min(spatial, Self.spatialCount - 1) &* Self.count &+ layer
        let isNews = totals[slot] == 0
        bytes[slot &* Self.buckets &+ Int(newest & 7)] &+= UInt32(truncatingIfNeeded: size)
        totals[slot] &+= UInt32(truncatingIfNeeded: size)
        isLive = true
        hasCome = true
        return Note(isNews: isNews, isStep: isStep)
    }

    /// Takes in the height of a picture without spatial layers.
    /// - Returns: whether that is news.
    mutating func note(height: UInt16) -> Bool {
        let isNews = height != heights[0] || spatialLayers > 0
        heights[0] = height
        spatialLayers = 0
        return isNews
    }

    /// Takes in what the stream says of its spatial layers.
    /// - Returns: whether that is news.
    mutating func note(_ structure: VP9ScalabilityStructure) -> Bool {
        var heights = self.heights
        for layer in 0..<min(structure.spatialLayers, Self.spatialCount) where structure.hasResolutions {
            heights[layer] = structure.height(ofLayer: layer)
        }
        return note(layers: structure.spatialLayers, heights)
    }

    /// Takes in what a dependency structure says of them; likewise.
    mutating func note(_ structure: borrowing DependencyStructure) -> Bool {
        var heights = self.heights
        for layer in 0..<min(structure.spatialLayers, Self.spatialCount) where structure.hasResolutions {
            heights[layer] = UInt16(clamping: min(structure.widths[layer], structure.heights[layer]))
        }
        return note(layers: structure.spatialLayers, heights)
    }

    private mutating func note(layers: Int, _ heights: InlineArray<4, UInt16>) -> Bool {
        let layers = UInt8(min(layers, Self.spatialCount))
        var isNews = layers != spatialLayers
        spatialLayers = layers
        for layer in 0..<Int(layers) where heights[layer] != self.heights[layer] { isNews = true }
        self.heights = heights
        return isNews
    }

    /// What comes from now on is of another codec (`Codec` raw value), which has said nothing of its layers yet.
    /// - Returns: whether there was one before.
    mutating func changes(to codec: UInt8) -> Bool {
        defer { self.codec = codec }
        guard self.codec != Uplink.none else { return false }
        spatialLayers = 0
        heights = InlineArray(repeating: 0)
        buildsOnLower = true
        starts = H264Starts()
        return true
    }

    /// Takes in how a layer frame is built that is neither of the lowest layer nor of a key picture.
    mutating func note(buildsOnLower: Bool) { self.buildsOnLower = buildsOnLower }

    /// Notices that nothing has come for a second.
    /// - Returns: whether that is news.
    mutating func fallsSilent(at now: Timestamp) -> Bool {
        guard isLive else { return false }
        advance(to: now.nanoseconds >> Self.bucketBits, at: now)
        return !isLive
    }

    /// Bits per second of a layer and of those that it needs; 0 where nothing comes of its spatial layer.
    mutating func bitrate(of spatial: Int = 0, upTo layer: Int, at now: Timestamp) -> UInt64 {
        advance(to: now.nanoseconds >> Self.bucketBits, at: now)
        guard sum(of: spatial, upTo: Self.count - 1) > 0 else { return 0 }
        var sum = sum(of: spatial, upTo: layer)
        if buildsOnLower {
            for lower in 0..<spatial { sum += self.sum(of: lower, upTo: layer) }
        }
        guard sum > 0 else { return 0 }
        let bucket: Int64 = 1 << Self.bucketBits
        let covered = bucket * Int64(Self.buckets - 1) + now.nanoseconds & (bucket - 1)
        // At the start only the time that has passed counts.
        let span = max(min(covered, (now - start).nanoseconds), bucket)
        return sum * 8_000_000_000 / UInt64(span)
    }

    private func sum(of spatial: Int, upTo layer: Int) -> UInt64 {
        var sum: UInt64 = 0
        for index in 0...layer { sum += UInt64(totals[spatial * Self.count + index]) }
        return sum
    }

    /// Lets time pass: what is older than a second goes. Time that runs back stands still.
    private mutating func advance(to number: Int64, at now: Timestamp) {
        guard number > newest else { return }
        let passed = number - newest < Int64(Self.buckets) ? Int(number - newest) : Self.buckets
        var isEmpty = true
        for slot in 0..<Self.slots where totals[slot] != 0 {
            for step in 0..<passed {
                let bucket = (Int(number & 7) + Self.buckets - step) & 7
                totals[slot] &-= bytes[slot * Self.buckets + bucket]
                bytes[slot * Self.buckets + bucket] = 0
            }
            if totals[slot] != 0 { isEmpty = false }
        }
        newest = number
        if isEmpty {
            isLive = false
            start = now
        }
    }
}
