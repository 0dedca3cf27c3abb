// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// How the elements of a header extension block are laid out (RFC 8285 4.2, 4.3).
public enum HeaderExtensionForm: UInt8, Hashable, Sendable, BitwiseCopyable {
    /// 0xBEDE: ids 1…14, 1…16 bytes each.
    case oneByte
    /// 0x100x: ids 1…255, 0…255 bytes each.
    case twoByte

    /// The form that a block's "defined by profile" field announces; `nil` for blocks that cannot be read.
    @inlinable
    public init?(profile: UInt16) {
        if profile == 0xBEDE {
            self = .oneByte
        } else if profile & 0xFFF0 == 0x1000 {
            self = .twoByte
        } else {
            return nil
        }
    }

    /// The "defined by profile" field of a block in this form.
    @inlinable public var profile: UInt16 { self == .oneByte ? 0xBEDE : 0x1000 }

    /// Whether an element fits the one-byte form.
    @inlinable
    public static func fitsOneByte(id: UInt8, byteCount: Int) -> Bool {
        id >= 1 && id <= 14 && byteCount >= 1 && byteCount <= 16
    }
}
