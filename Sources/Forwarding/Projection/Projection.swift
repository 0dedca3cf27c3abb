// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Door 6: one receiver's view of one source: which of its packets go to it, under which numbers, and what went before.
///
/// Cache lines of plain data per *active* pair, from which the receiver's stream goes on wherever it is read back
/// (house-style 2.10). What is seldom needed stands in ``ProjectionReport``.
public struct Projection: BitwiseCopyable, Sendable {
    /// Size of one in memory, in bytes; slabs keep them on lines of their own.
    public static let lineBytes = 128

    /// Which of the successive sources of its slot this belongs to; another number means that it is free.
    public private(set) var generation: UInt32
    /// The SSRC the receiver sees.
    public let outgoingSSRC: UInt32
    /// How the receiver's transport finds its SRTP context without a search; the transport's own to read.
    public var transportHandle: UInt32 = .max
    /// Packets sent, for sender reports; wraps.
    public private(set) var packetsSent: UInt32 = 0
    /// Payload bytes sent, for sender reports; wraps.
    public private(set) var octetsSent: UInt32 = 0
    /// Added to the media time of the packets of the encoding that is sent.
    public private(set) var timestampOffset: UInt32 = 0
    /// Which of the encodings' sender reports went out last; 0 for none.
    public var reportGeneration: UInt16 = 0
    /// Which of the source's restarts this has seen.
    public private(set) var restarts: UInt16 = 0
    /// Of audio: nothing was sent since it took over another's stream.
    private var restsOnFormer = false
    /// The name of the receiver's media line, where that is to be stamped.
    public private(set) var mediaID = MediaID.none
    private var view: LayerView

    /// A view of a source of which nothing has been sent.
    /// - Parameters:
    ///   - generation: of the source's slot.
    ///   - last: the highest number that left under this SSRC to this receiver before; packets cannot be encrypted
    ///     under numbers that were used. `nil` when there was none.
    ///   - random: any number; the first one is taken from it when there was none before.
    public init(generation: UInt32, outgoingSSRC: UInt32, after last: UInt16?, random: UInt64) {
        self.generation = generation
        self.outgoingSSRC = outgoingSSRC
        let former =
            last.map { $0 &+ UInt16(ForwardingLimits.restartHole) }
            ?? (UInt16(truncatingIfNeeded: random) & (ForwardingLimits.firstNumbers - 1)) &- 1
        view = LayerView(after: former, random: random)
        view.aim(at: LayerTarget(encoding: 0, temporal: 7))
    }

    /// A view of a source that goes on with the stream of another under the SSRC of both (media-plane.md 5.10).
    /// - Parameters:
    ///   - generation: of the source's slot.
    ///   - former: where the stream stands.
    public init(generation: UInt32, outgoingSSRC: UInt32, continuing former: StreamContinuation) {
        self.generation = generation
        self.outgoingSSRC = outgoingSSRC
        (packetsSent, octetsSent) = (former.packetsSent, former.octetsSent)
        // Of audio the time that went out last, until its first packet says what is to be added.
        timestampOffset = former.lastTimestamp
        restsOnFormer = true
        view = LayerView(continuing: former)
        view.aim(at: LayerTarget(encoding: 0, temporal: 7))
    }

    /// Where its stream stands, for the source that goes on with it; `nil` before the first packet.
    public func continuation(isAudio: Bool) -> StreamContinuation? {
        guard var result = view.continuation else { return nil }
        (result.packetsSent, result.octetsSent) = (packetsSent, octetsSent)
        if isAudio {
            result.lastTimestamp =
                restsOnFormer ? timestampOffset : result.lastTimestamp &- view.timestampOffset &+ timestampOffset
        }
        return result
    }

    /// Another source has the stream: this one is nobody's any more.
    public mutating func retire() { generation = 0 }

    /// Has the name of a media line stamped on every packet.
    public mutating func stamp(_ mediaID: MediaID) { self.mediaID = mediaID }

    /// Milliseconds since something was sent, modulo 17 minutes.
    public func idleMilliseconds(at now: Timestamp) -> Int { Int(view.elapsed(at: now)) }

    /// What is to be sent.
    public var target: LayerTarget { view.target }
    /// Which encoding is sent; -1: none.
    public var currentEncoding: Int { Int(view.currentEncoding) }
    /// Whether a key frame has to be asked for.
    public var needsKeyframe: Bool { view.needsKeyframe }
    /// Whether what is sent is what is to be sent, so that other encodings mean nothing.
    public var isSettled: Bool { view.currentEncoding == view.target.encoding }
    /// Bit n: encoding n is sent or waited for.
    public var usedEncodings: UInt8 {
        var used: UInt8 = 0
        if view.currentEncoding >= 0 { used |= 1 << UInt8(view.currentEncoding) }
        if view.target.encoding >= 0 { used |= 1 << UInt8(view.target.encoding) }
        return used
    }

    /// Changes what is to be sent.
    public mutating func aim(at target: LayerTarget) { view.aim(at: target) }

    /// The receiver misses what comes now. Whenever it goes on, it begins anew without a gap.
    public mutating func interrupt() { view.interrupt() }

    /// The source has begun anew: so does the receiver's stream, without a gap.
    public mutating func begin(restart: UInt16) {
        restarts = restart
        view.interrupt()
    }

    /// Decides on a packet whose frame is known.
    /// - Parameter history: of its encoding.
    /// - Returns: how it leaves; `nil` when this receiver does not get it.
    public mutating func take(
        _ packet: LayerView.Packet, history: UnsafePointer<FrameHistory>, at now: Timestamp
    ) -> LayerView.Outgoing? {
        let outgoing = view.take(packet, history: history, at: now)
        if let outgoing { timestampOffset = outgoing.timestamp &- packet.timestamp }
        return outgoing
    }

    /// Decides on a packet of which the bridge knows no frame.
    /// - Parameters:
    ///   - kind: what it is.
    ///   - encoding: which encoding of its source it is of.
    ///   - sequence: its number after gaps were closed (``SequenceGapCloser``).
    ///   - canStart: the stream can begin with it: any packet of audio and of video that the bridge does not parse
    ///     (media-plane.md 5.7), otherwise a key frame.
    ///   - isAudio: its time stays as it is, or as far from that as at its first packet: of voices nothing is switched,
    ///     and their clock is another.
    /// - Returns: how it leaves; `nil` when this receiver does not get it.
    public mutating func takePlain(
        _ kind: LayerView.Kind = .plain, encoding: UInt8, sequence: UInt16, timestamp: UInt32, canStart: Bool,
        isAudio: Bool, at now: Timestamp
    ) -> LayerView.Outgoing? {
        let step = isAudio && restsOnFormer ? audioStep(at: now) : 0
        var outgoing = view.takePlain(
            kind, encoding: Int8(truncatingIfNeeded: encoding), sequence: sequence, timestamp: timestamp,
            canStart: canStart, at: now)
        guard isAudio else {
            if let outgoing { timestampOffset = outgoing.timestamp &- timestamp }
            return outgoing
        }
        if outgoing != nil, restsOnFormer {
            restsOnFormer = false
            timestampOffset = timestampOffset &+ step &- timestamp
        }
        outgoing?.timestamp = timestamp &+ timestampOffset
        return outgoing
    }

    /// How far the time of a voice goes on behind another's: as long as it took.
    private func audioStep(at now: Timestamp) -> UInt32 {
        max(ForwardingLimits.audioTicks, min(view.elapsed(at: now), ForwardingLimits.longestStep) * 48)
    }

    /// Whether the receiver has not had this sender report and gets the encoding that it is of.
    @inlinable
    public func lacksReport(_ generation: UInt16, of encoding: Int) -> Bool {
        generation != 0 && generation != reportGeneration && encoding == currentEncoding
    }

    /// Counts a packet that was put into the transmit slab.
    @inlinable
    public mutating func noteSent(payloadBytes: Int) {
        countSent(UInt32(truncatingIfNeeded: payloadBytes))
    }

    @usableFromInline
    mutating func countSent(_ octets: UInt32) {
        packetsSent &+= 1
        octetsSent &+= octets
    }
}
