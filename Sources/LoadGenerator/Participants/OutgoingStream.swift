// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The RTP state that audio and video senders share.
struct OutgoingStream {
    let ssrc: UInt32
    let sender: UInt32
    let payloadType: UInt8
    let clockRate: Double
    /// Number of the next packet's stamp.
    private(set) var stampSequence: UInt32 = 0
    private var sequence: UInt16
    private let firstTimestamp: UInt32
    private let origin: Timestamp
    /// Payload bytes sent, for sender reports.
    private(set) var octets: UInt32 = 0
    /// When the next sender report is due.
    var reportDue: Timestamp

    init(
        stream: PlannedStream, encoding: Int = 0, payloadType: UInt8, clockRate: Double, random: inout Random,
        at now: Timestamp
    ) {
        ssrc = stream.ssrc(ofEncoding: encoding)
        sender = UInt32(stream.sender)
        self.payloadType = payloadType
        self.clockRate = clockRate
        // Low enough to leave room before the first wrap, as libwebrtc chooses it.
        sequence = UInt16(truncatingIfNeeded: random.next() & 0x7FFF)
        firstTimestamp = UInt32(truncatingIfNeeded: random.next())
        origin = now
        reportDue = now + .milliseconds(200)
    }

    /// The media clock at `now`.
    func timestamp(at now: Timestamp) -> UInt32 {
        firstTimestamp &+ UInt32(truncatingIfNeeded: Int64((now - origin).seconds * clockRate))
    }

    /// Writes the fixed header and the head of a one-byte extension block of `words` words.
    mutating func writeHeader(
        to packet: UnsafeMutableRawBufferPointer, timestamp: UInt32, marker: Bool, extensionWords: UInt16
    ) {
        packet[0] = 0x90
        packet[1] = (marker ? 0x80 : 0) | payloadType
        packet.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        packet.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        packet.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
        packet.storeBytes(of: UInt16(0xBEDE).bigEndian, toByteOffset: 12, as: UInt16.self)
        packet.storeBytes(of: extensionWords.bigEndian, toByteOffset: 14, as: UInt16.self)
        sequence &+= 1
    }

    /// Stamps `payload` and counts the packet.
    mutating func stamp(
        _ payload: UnsafeMutableRawBufferPointer, covered: Int, flags: PayloadStamp.Flags, frame: UInt16 = 0,
        place: TemporalPattern.Place = .base, at now: Timestamp
    ) {
        PayloadStamp(
            sender: sender, ssrc: ssrc, sequence: stampSequence, sentAt: now.nanoseconds, flags: flags, frame: frame,
            temporal: place.temporal, reference: place.reference
        ).write(to: payload, covered: covered)
        stampSequence += 1
        octets &+= UInt32(payload.count)
    }
}

/// Sends one audio stream: a packet per interval, each a real Opus packet.
struct AudioSender {
    var stream: OutgoingStream
    let planned: PlannedStream
    private let frames: OpusFrames
    private var timestamp: UInt32
    /// Bytes before the payload: header, block head, level, transport-wide number, MID, padding.
    static let headerBytes = 24
    /// When the next packet is due.
    var due: Timestamp
    let interval: TimeDelta

    init(planned: PlannedStream, frames: OpusFrames, random: inout Random, at now: Timestamp) {
        self.planned = planned
        self.frames = frames
        stream = OutgoingStream(
            stream: planned, payloadType: Offer.opus, clockRate: 48_000, random: &random, at: now)
        timestamp = stream.timestamp(at: now)
        interval = .nanoseconds(Int64(frames.samplesPerPacket) * 1_000_000_000 / 48_000)
        // Spread over the interval: participants do not speak in step.
        due = now + .nanoseconds(Int64(random.fraction() * Double(interval.nanoseconds)))
    }

    /// Writes the next packet, not encrypted yet, and gives its length.
    /// - Parameter level: the byte of the audio level extension.
    mutating func write(
        to packet: UnsafeMutableRawBufferPointer, transportWide: UInt16, level: UInt8, at now: Timestamp
    ) -> Int {
        let isFirst = stream.stampSequence == 0
        stream.writeHeader(to: packet, timestamp: timestamp, marker: isFirst, extensionWords: 2)
        timestamp &+= frames.samplesPerPacket
        packet[16] = Offer.audioLevelID << 4
        packet[17] = level
        packet[18] = Offer.transportWideID << 4 | 1
        packet.storeBytes(of: transportWide.bigEndian, toByteOffset: 19, as: UInt16.self)
        packet[21] = Offer.midID << 4
        packet[22] = UInt8(ascii: "0")
        packet[23] = 0
        let frame = frames.packets[Int(stream.stampSequence) % frames.packets.count]
        let payload = UnsafeMutableRawBufferPointer(
            rebasing: packet[Self.headerBytes..<Self.headerBytes + frame.count])
        payload.copyBytes(from: frame)
        stream.stamp(payload, covered: 0, flags: [.first, .last], at: now)
        return Self.headerBytes + frame.count
    }
}

extension Timestamp {
    /// The due time after this one: in step, but not catching up more than a few intervals after a long stop.
    func following(_ interval: TimeDelta, _ now: Timestamp) -> Timestamp {
        let next = self + interval
        return now - next > interval * 10 ? now + interval : next
    }
}
