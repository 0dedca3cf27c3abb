// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// One RTP stream in which a source is sent: a simulcast encoding, or the only one.
struct Encoding: BitwiseCopyable {
    /// The SSRC it arrives under.
    let ssrc: UInt32
    /// The SSRC of its retransmissions (RFC 4588).
    let rtxSSRC: UInt32?
    /// Arrival statistics for receiver reports.
    var statistics: ReceptionStatistics
    /// Closes the gaps of packets that are not forwarded to anybody.
    var gaps = SequenceGapCloser()
    /// Packets in a row that were dropped without being authenticated.
    var skipped: UInt16 = 0

    init(_ description: SourceStreamDescription, clockRate: UInt32) {
        ssrc = description.ssrc
        rtxSSRC = description.rtxSSRC
        statistics = ReceptionStatistics(ssrc: description.ssrc, clockRate: clockRate)
    }
}

/// What an SSRC of a conference means.
struct StreamReference: BitwiseCopyable, Equatable {
    /// Slot of the source in ``Conference/sources``.
    var source: UInt16
    /// Which of its encodings.
    var encoding: UInt8
    /// Retransmissions of that encoding; without lost-packet requests of ours only probes arrive there.
    var isRetransmission = false
}
