// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the peer said that it can do.
struct PeerFeatures: OptionSet, Hashable, BitwiseCopyable, Sendable {
    let rawValue: UInt8

    /// FORWARD-TSN (RFC 3758).
    static let partialReliability = PeerFeatures(rawValue: 1)
    /// RE-CONFIG (RFC 6525).
    static let reconfiguration = PeerFeatures(rawValue: 2)
    /// Packets without a checksum, under DTLS (RFC 9653).
    static let zeroChecksum = PeerFeatures(rawValue: 4)
}
