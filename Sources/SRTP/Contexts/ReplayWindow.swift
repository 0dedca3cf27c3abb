// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Which of the last 64 indices of one SSRC have been used (RFC 3711 3.3.2). Plain data.
///
/// The receiver refuses what it has seen; the sender refuses what it has sealed.
struct ReplayWindow: BitwiseCopyable, Equatable {
    /// The highest index used; 0 when none is.
    private(set) var highest: UInt64
    /// Bit *n* stands for index `highest − n`; 0 when none is used.
    private(set) var bits: UInt64

    enum Verdict: BitwiseCopyable {
        case fresh, seen, old
    }

    /// A window in which nothing is used.
    init() {
        highest = 0
        bits = 0
    }

    /// A window in which `index` alone is used.
    init(first index: UInt64) {
        highest = index
        bits = 1
    }

    /// A window that was written down.
    init(highest: UInt64, bits: UInt64) {
        self.highest = highest
        self.bits = bits
    }

    /// Whether use can have led to it: nothing is used at all, or the highest is, and none before index 0.
    func isPossible(upTo last: UInt64) -> Bool {
        if bits == 0 { return highest == 0 }
        return highest <= last && bits & 1 == 1
            && (highest >= SRTPLimits.replayWindow - 1 || bits >> (highest + 1) == 0)
    }

    /// What is known of `index`.
    @inline(__always)
    func verdict(_ index: UInt64) -> Verdict {
        if index > highest { return .fresh }
        let behind = highest - index
        if behind >= SRTPLimits.replayWindow { return .old }
        return bits >> behind & 1 == 1 ? .seen : .fresh
    }

    /// Marks `index` as used; must be fresh.
    @inline(__always)
    mutating func use(_ index: UInt64) {
        if index > highest {
            let ahead = index - highest
            bits = ahead >= SRTPLimits.replayWindow ? 1 : bits << ahead | 1
            highest = index
        } else {
            bits |= 1 << (highest - index)
        }
    }

    /// The index that `sequence` most likely means: the one nearest to the highest (RFC 3711 3.3.1, appendix A). While
    /// none is used, the one with a roll-over counter of zero.
    /// - Returns: `nil` when that would be before the first or after the last possible index.
    @inline(__always)
    func estimate(_ sequence: UInt16) -> UInt64? {
        if bits == 0 { return UInt64(sequence) }
        let distance = Int64(Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: highest)))
        let index = Int64(highest) + distance
        guard index >= 0, index <= Int64(SRTPLimits.highestIndex) else { return nil }
        return UInt64(index)
    }
}
