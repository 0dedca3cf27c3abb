// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Flags of a DATA chunk (RFC 9260 §3.3.1).
struct DataFlags: OptionSet, Hashable, BitwiseCopyable, Sendable {
    let rawValue: UInt8

    /// The last fragment.
    static let ending = DataFlags(rawValue: 1)
    /// The first fragment.
    static let beginning = DataFlags(rawValue: 2)
    static let unordered = DataFlags(rawValue: 4)
    /// The receiver is asked to acknowledge at once.
    static let immediate = DataFlags(rawValue: 8)
}
