// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// A key of HMAC-SHA1 for a ``MACQueue``: the states after both pads, plain data, wiped at the end.
public struct MACKey: ~Copyable {
    // On the heap, so that the key material has one place that can be wiped.
    let states: UnsafeMutablePointer<viaduct_hmac_states>

    /// A key of up to 64 bytes.
    public init(_ library: IPsecMB, key: [UInt8]) {
        precondition(key.count <= 64, "longer keys would have to be hashed first")
        states = .allocate(capacity: 1)
        states.initialize(to: viaduct_hmac_states())
        viaduct_hmac_expand(library.library, key, key.count, states)
    }

    deinit {
        viaduct_ipsec_mb_wipe(states, MemoryLayout<viaduct_hmac_states>.size)
        states.deallocate()
    }
}
