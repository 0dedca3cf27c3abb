// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Decides which datagrams a participant loses, the same ones whenever the seed and the traffic are the same.
struct LossGate {
    private let threshold: UInt64
    private var random: Random

    /// - Parameter percent: how many of a hundred are lost.
    init(percent: Double, seed: UInt64) {
        threshold = percent >= 100 ? .max : UInt64(percent / 100 * 0x1p64)
        random = Random(seed: seed)
    }

    /// Whether the next datagram is lost.
    @inline(__always)
    mutating func drops() -> Bool {
        guard threshold > 0 else { return false }
        return random.next() < threshold
    }
}
