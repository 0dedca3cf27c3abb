// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A request of ours that has not been answered yet (RFC 8489 §6.2.1).
struct ClientTransaction {
    enum Purpose: UInt8, BitwiseCopyable {
        /// Does the pair work?
        case check
        /// The same, with USE-CANDIDATE.
        case nomination
        /// May we go on sending?
        case consent
    }

    let id: TransactionID
    let destination: Destination
    let purpose: Purpose
    /// The role the request claims.
    let isControlling: Bool
    /// Sent again and again, bit for bit.
    let bytes: [UInt8]
    /// How often it may still be sent.
    var sendsLeft: Int
    /// The wait after the next sending.
    var interval: TimeDelta
    /// When it was last sent.
    var sent: Timestamp
    /// When to send again or give up.
    var due: Timestamp
}
