// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// Bytes in one place on the heap, wiped when they are given up.
public struct SecretBytes: ~Copyable {
    private let start: UnsafeMutableRawPointer
    /// How many.
    public let count: Int

    /// A copy of `bytes`.
    public init(_ bytes: [UInt8]) {
        count = bytes.count
        start = .allocate(byteCount: max(1, count), alignment: 8)
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: start, count: count).copyMemory(from: $0) }
    }

    deinit {
        OPENSSL_cleanse(start, count)
        start.deallocate()
    }

    /// A copy, for whoever has to write them down.
    public var array: [UInt8] { Array(UnsafeRawBufferPointer(start: start, count: count)) }
}

/// Overwrites `bytes`, as far as no other copy of the array exists, so that no compiler leaves it out.
public func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
}
