// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A 4-tuple seen from here: who sends, and to which of our sockets.
struct FlowKey: TableKey {
    var remote: TransportAddress
    var local: UInt16

    init(_ destination: Destination) {
        remote = destination.remote
        local = destination.local
    }

    init(remote: TransportAddress, local: UInt16) {
        self.remote = remote
        self.local = local
    }

    var tableHash: UInt64 { remote.tableHash &+ UInt64(local) &* 0x9E37_79B9_7F4A_7C15 }
}
