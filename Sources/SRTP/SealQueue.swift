// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import IPsecMB

/// Work on packets that were protected already, as far as their length goes, and wait for others to be finished with.
///
/// One per worker. A packet whose protection was put in here lies in its slot without its tag until ``finish()``, so
/// that has to be called before slots are sent or used again; a full queue finishes itself. Engines that work on one
/// packet at a time leave nothing in here.
public struct SealQueue: ~Copyable {
    /// Packets that an engine could not finish; they have left with a wrong tag.
    public private(set) var failures: UInt64 = 0
    private var macs: MACQueue?

    /// An empty queue for senders with this engine. Senders with another one seal at once.
    public init(_ engine: SRTPEngine) {
        macs =
            switch engine {
            case .evp: nil
            case .ipsecMB(let library): MACQueue(library)
            }
    }

    /// How many packets wait.
    public var count: Int {
        switch macs {
        case .some(let queue): queue.count
        case nil: 0
        }
    }

    /// Finishes every packet.
    /// - Returns: how many could not be finished.
    @discardableResult
    public mutating func finish() -> Int {
        let failed = macs?.finish() ?? 0
        failures += UInt64(failed)
        return failed
    }

    /// Whether ``add(_:_:tag:tagBytes:)`` may be called.
    @inline(__always)
    var takesMACs: Bool {
        switch macs {
        case .some: true
        case nil: false
        }
    }

    /// Leaves a MAC to be computed; see `MACQueue`.
    @inline(__always)
    mutating func add(
        _ key: borrowing MACKey, _ message: UnsafeRawBufferPointer, tag: UnsafeMutableRawPointer, tagBytes: Int
    ) {
        if count == MACQueue.capacity { finish() }
        macs?.add(key, message, tag: tag, tagBytes: tagBytes)
    }
}
