// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Work on packets that were protected already, as far as their length goes, and wait for others to be finished with.
///
/// One per worker. A packet whose protection was put in here lies in its slot without its tag until ``finish()``, so
/// that has to be called before slots are sent or used again. Engines that work on one packet at a time leave nothing
/// in here.
public struct SealQueue: ~Copyable {
    /// Packets that an engine could not finish; they have left with a wrong tag.
    public private(set) var failures: UInt64 = 0

    /// An empty queue for senders with this engine. Senders with another one seal at once.
    public init(_ engine: SRTPEngine) {
        switch engine {
        case .evp: break
        }
    }

    /// Finishes every packet.
    /// - Returns: how many could not be finished.
    @discardableResult
    @inline(__always)
    public mutating func finish() -> Int { 0 }
}
