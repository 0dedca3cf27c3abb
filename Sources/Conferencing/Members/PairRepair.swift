// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding

/// What the repair of losses needs of a pair of receiver and video source: plain data beside its ``Projection``.
struct PairRepair: BitwiseCopyable {
    /// What the receiver was sent; its entries are in ``ShardHost/repair``, to be closed there.
    var sent: SentRing
    /// Its RTX stream; `nil` before the first repeat.
    var rtx: RTXStream?

    init() { sent = SentRing() }
}
