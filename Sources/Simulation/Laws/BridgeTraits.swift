// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the bridge does by now with sources of several encodings: laws that need more ask here.
enum BridgeTraits {
    /// It chooses among encodings and temporal layers, and counts picture ids per receiver.
    static let hasViews = false
    /// It answers receivers' NACKs, and asks senders for what is missing.
    static let repairs = false
}
