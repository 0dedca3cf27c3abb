// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ShardMessages

/// A video source that its owner sends in several encodings, each with a ledger of its own.
struct SourceGroup {
    let owner: Int
    let conference: Int
    let name: String
    /// Its ledgers, the smallest encoding first. Receivers know the source by the SSRC of the first.
    let ledgers: [Int]
    /// The SSRCs of the repeats of each, where the owner has such.
    let rtxSSRCs: [UInt32]
    /// Heights of the encodings.
    let heights: [Int32]
    /// Whether picture ids have 15 bits; otherwise seven.
    let hasLongPictureIDs: Bool

    /// The largest encoding of at most this height, -1 for nothing; a height of -1 is no limit.
    func encoding(for height: Int32) -> Int {
        guard height != 0 else { return -1 }
        guard height > 0 else { return heights.count - 1 }
        return max(0, heights.lastIndex { $0 <= height } ?? 0)
    }
}
