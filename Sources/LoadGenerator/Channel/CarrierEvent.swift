// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What whatever carries a bridge channel tells.
enum CarrierEvent: Equatable {
    /// Messages may be sent.
    case opened
    /// A text message.
    case text([UInt8])
    /// The end, and why.
    case ended(String)
}
