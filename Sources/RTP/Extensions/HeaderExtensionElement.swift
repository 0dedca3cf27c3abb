// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One element of a header extension block, as its place in the packet.
public struct HeaderExtensionElement: BitwiseCopyable, Hashable, Sendable {
    /// Its negotiated number, 1…255.
    public var id: UInt8
    /// Where its value starts, from the start of the packet.
    public var offset: Int
    /// Length of its value in bytes, 0…255.
    public var byteCount: Int

    /// An element.
    @inlinable
    public init(id: UInt8, offset: Int, byteCount: Int) {
        self.id = id
        self.offset = offset
        self.byteCount = byteCount
    }
}
