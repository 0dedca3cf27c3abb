// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What a client keeps of a stream that it sends; what it has sent is in the ledger.
struct MediaSource {
    let ledger: Int
    let ssrc: UInt32
    var timestamp: UInt32
    /// When the next packet or frame is due.
    var next: Timestamp
    /// Whether it sends at all.
    var isActive = true
    var frame = 0
    var packets: UInt32 = 0
    var octets: UInt32 = 0
    /// Audio: talks until then, or is silent.
    var isTalking = true
    var until = Timestamp.zero
    /// Video: the next frame is a key frame.
    var wantsKey = true
    /// Video: packets of the present frame that wait for their turn.
    var queue: [PlannedPacket] = []
    /// The last packets, for copies of them.
    var lastDatagram: [UInt8] = []

    struct PlannedPacket {
        var due: Timestamp
        var part: Int
        var parts: Int
        var isKey: Bool
        var isPadding: Bool
        var payloadBytes: Int
    }
}
