// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// What an endpoint sends: the meaning of its SSRCs and payload types, and what is reported back to it.
struct Uplink: ~Copyable {
    /// No such payload type.
    static let none: UInt8 = 255

    /// What its SSRCs mean, found by one look-up per packet. Replaced by a larger one when full.
    private var streams = FixedTable<UInt32, StreamReference>(capacity: 4)
    /// Slots of its sources in ``Conference/sources``.
    var sources = GrowableBuffer<UInt16>(capacity: 2)
    /// The sources as last signalled; names are kept for the account that `/debug` gives.
    var descriptions: [SourceDescription] = []
    /// Those of ``descriptions`` that found no place, by position.
    var refused: [(position: Int, reason: SourceRefusal)] = []

    /// What its payload type numbers mean (`Codec` raw values); `none` where nothing was signalled.
    var codecs = [128 of UInt8](repeating: Uplink.none)
    /// Video clock rates are 90,000 Hz by definition; audio ones are signalled.
    var audioClockRate: UInt32 = 48_000
    /// For a payload type of retransmissions the one it repeats (`apt`); `none` for all others.
    var repairs = [128 of UInt8](repeating: Uplink.none)
    var hasNACK = false
    var hasPLI = false
    var hasFIR = false
    var hasTransportCC = false
    /// What it may send, where it is told so by REMB for want of transport-wide feedback.
    var estimate: SenderEstimate?
    /// Command number of our last FIR.
    var firSequence: UInt8 = 0
    var isAudioMuted = false
    var isVideoMuted = false

    /// How fast it sends what is muted.
    var mutedRate = PacketRate()
    /// Something that it sends may be for nobody.
    @inline(__always)
    var hasUnwanted: Bool { isAudioMuted || isVideoMuted || silence.isDiscarding }

    var silence = SilenceFilter()
    var feedback = TransportFeedback()
    /// When receiver reports go to it.
    var reports = ReportGenerator()
    /// When something that is missing of its video is to be asked for.
    var nextNack = Timestamp.distantFuture
    /// What was lost on the way from it.
    var losses = LossAccount()
    var lastAudio: Timestamp?
    var lastVideo: Timestamp?

    init() {}

    /// What an SSRC of this endpoint means.
    @inline(__always)
    subscript(_ ssrc: UInt32) -> StreamReference? { streams[ssrc] }

    /// The payload type that repeats another (`apt`); `nil` without one.
    func repairType(of number: UInt8) -> UInt8? {
        for candidate in 0..<128 where repairs[candidate] == number { return UInt8(candidate) }
        return nil
    }

    /// Makes the table anew after sources have changed.
    mutating func setStreams(_ list: [(ssrc: UInt32, reference: StreamReference)]) {
        var capacity = 4
        while capacity < list.count { capacity *= 2 }
        streams = FixedTable(capacity: capacity)
        for entry in list { streams.insert(entry.ssrc, entry.reference) }
    }

    /// How many SSRCs it has.
    var streamCount: Int { streams.count }

    /// How long after its last packet a client counts as sending.
    private static let sendingLimit = TimeDelta.seconds(2 as Int64)

    func isSendingAudio(at now: Timestamp) -> Bool { lastAudio.map { now - $0 < Self.sendingLimit } ?? false }
    func isSendingVideo(at now: Timestamp) -> Bool { lastVideo.map { now - $0 < Self.sendingLimit } ?? false }
    func isSending(at now: Timestamp) -> Bool { isSendingAudio(at: now) || isSendingVideo(at: now) }
}
