// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A message that is not yet wholly cut into chunks.
struct OutgoingMessage {
    /// Never empty.
    let bytes: [UInt8]
    let stream: UInt16
    let protocolIdentifier: UInt32
    let isUnordered: Bool
    /// When it is given up.
    var expiry: Timestamp?
    /// How many retransmissions a chunk of it may have.
    var retransmissions: UInt32?
    /// Which message it is, counted from the beginning.
    let number: UInt64
    /// How much of it has been cut off, and its place in its stream once something was.
    var offset = 0
    var ssn: UInt16 = 0
}
