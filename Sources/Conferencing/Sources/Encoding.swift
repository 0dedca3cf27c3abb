// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages

/// One RTP stream in which a source is sent: a simulcast encoding, or the only one.
struct Encoding: BitwiseCopyable {
    /// The SSRC it arrives under.
    let ssrc: UInt32
    /// The SSRC of its retransmissions (RFC 4588).
    private(set) var rtxSSRC: UInt32?
    /// Arrival statistics for receiver reports.
    var statistics: ReceptionStatistics
    /// Closes the gaps of packets that are not forwarded to anybody.
    var gaps = SequenceGapCloser()
    /// Packets in a row that were dropped without being authenticated.
    var skipped: UInt16 = 0

    /// Packets that came since the present walk through the conference began, and those that the walk carries.
    var arriving = PacketList()
    var walking = PacketList()
    /// The next encoding of the conference with such packets, −1 at the end.
    var nextArriving = EncodingPlace.none
    var nextWalking = EncodingPlace.none
    /// Behind its packets in the walk one goes that fills a place.
    var takesTail = false
    /// Packets with which a receiver's stream may begin are among those of the walk.
    var hasStart = false

    /// The latest sender report, and which one it is; 0 before the first. No two encodings of a source have the same.
    private(set) var report = SenderReport(
        ssrc: 0, ntp: NTPTime(0), rtpTimestamp: 0, packetCount: 0, octetCount: 0)
    private(set) var reportGeneration: UInt16 = 0
    private var newerReport: SenderReport?
    private var reportOfferedAt: Timestamp?

    init(_ description: SourceStreamDescription, clockRate: UInt32) {
        ssrc = description.ssrc
        rtxSSRC = description.rtxSSRC
        statistics = ReceptionStatistics(ssrc: description.ssrc, clockRate: clockRate)
    }

    /// What a source is told anew of one of its streams: what came stays.
    init(_ description: SourceStreamDescription, continuing former: Encoding) {
        self = former
        rtxSSRC = description.rtxSSRC
    }

    /// Takes a sender report. The latest one counts, and receivers see a new one no more often than every
    /// ``ForwardingLimits/senderReportInterval``, whatever arrives.
    /// - Parameter position: among the encodings of the source.
    mutating func offer(_ report: SenderReport, position: UInt8, at now: Timestamp) {
        newerReport = report
        publishReport(position: position, at: now)
    }

    /// Lets receivers see the latest sender report if it is time.
    @inline(__always)
    mutating func publishReport(position: UInt8, at now: Timestamp) {
        if newerReport != nil { publish(position, at: now) }
    }

    private mutating func publish(_ position: UInt8, at now: Timestamp) {
        guard let newerReport else { return }
        if let reportOfferedAt, now - reportOfferedAt < ForwardingLimits.senderReportInterval { return }
        report = newerReport
        self.newerReport = nil
        reportOfferedAt = now
        // Counts in steps of as many encodings as there can be; 0 stands for none.
        let next = reportGeneration &+ 8
        reportGeneration = max(next & ~7, 8) | UInt16(position & 7)
    }
}

/// Which encoding of a conference is meant: a slot in ``Conference/sources`` and a position there, in one number.
struct EncodingPlace: BitwiseCopyable, Equatable {
    private let rawValue: Int32

    /// None.
    static let none = EncodingPlace(rawValue: -1)

    private init(rawValue: Int32) { self.rawValue = rawValue }

    /// Bits for the position: a source has at most ``ShardMessagesLimits/streamsPerSource`` encodings.
    static let positionBits = 3

    init(source: Int, encoding: Int) { rawValue = Int32(source << 3 | encoding) }

    var isNone: Bool { rawValue < 0 }
    /// The source's slot.
    var source: Int { Int(rawValue) >> 3 }
    /// Which of its encodings.
    var encoding: Int { Int(rawValue) & 7 }
}

/// What an SSRC of a conference means.
struct StreamReference: BitwiseCopyable, Equatable {
    /// Slot of the source in ``Conference/sources``.
    var source: UInt16
    /// Which of its encodings.
    var encoding: UInt8
    /// Retransmissions of that encoding.
    var isRetransmission = false
}
