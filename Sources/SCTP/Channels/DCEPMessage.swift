// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A message of the data channel establishment protocol (RFC 8832 §5).
enum DCEPMessage: Equatable {
    /// Opens a channel.
    case open(DCEPOpen)
    /// Says that it is open.
    case acknowledgement

    static let acknowledgementType: UInt8 = 2
    static let openType: UInt8 = 3

    /// Reads a message; `nil` when it is none.
    init?(_ bytes: RawSpan) {
        guard bytes.byteCount > 0 else { return nil }
        switch bytes.uint8(at: 0) {
        case Self.acknowledgementType: self = .acknowledgement
        case Self.openType:
            guard let open = DCEPOpen(bytes) else { return nil }
            self = .open(open)
        default: return nil
        }
    }
}
