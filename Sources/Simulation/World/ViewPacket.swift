// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A packet of a source with several encodings, as it left the bridge.
struct ViewPacket {
    var group: Int
    var ledger: Int
    var index: Int
    /// Its number (unwrapped); of a repeat the number of what it repeats.
    var out: Int64
    var isRepeat: Bool
}
