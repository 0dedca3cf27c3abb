// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the bridge does by now with sources of several encodings: laws that need more ask here.
enum BridgeTraits {
    /// It can send any encoding and temporal layers, and counts picture ids per receiver.
    static let hasViews = true
    /// It chooses among encodings by what receivers ask for.
    static let allocates = true
    /// It answers receivers' NACKs, and asks senders for what is missing.
    static let repairs = false
}
