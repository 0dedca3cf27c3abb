// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A DATA chunk that has a TSN and is not yet acknowledged by the cumulative TSN.
struct OutgoingChunk {
    /// Where it stands.
    enum State: UInt8 {
        /// On its way.
        case inFlight
        /// Taken as lost.
        case lost
        /// Told by a gap block as received.
        case received
        /// Given up.
        case abandoned
    }

    /// The message's bytes; empty for the end of an abandoned message.
    var bytes: [UInt8]
    let offset: Int
    let count: Int
    let stream: UInt16
    let ssn: UInt16
    let protocolIdentifier: UInt32
    let flags: DataFlags
    let message: UInt64
    let expiry: Timestamp?
    let retransmissions: UInt32?
    var state = State.inFlight
    var missingReports: UInt8 = 0
    /// Lost by reports, not by time.
    var isFast = false
    var transmissions: UInt32 = 1
    var sent: Timestamp
}
