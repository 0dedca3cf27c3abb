// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Sends one encoding of a VP8 source: frames at a steady rate, key frames on request, each frame split into nearly
/// equal packets that leave at a browser's pace or, interleaved with those of others, over the whole interval.
struct VideoSender {
    var stream: OutgoingStream
    let planned: PlannedStream
    let encoding: VideoEncoding
    /// Whether anybody wants it: it sends nothing otherwise.
    private(set) var isActive = true
    /// When there is something to do: the next frame, or the rest of the one being sent.
    var due: Timestamp
    /// When the next frame is due.
    private var nextFrame: Timestamp
    private let interval: TimeDelta
    private var pacer: Pacer
    /// Paces instead where the call is interleaved.
    private var evenPacer: EvenPacer?
    /// Key frames sent.
    private(set) var keyframes: UInt64 = 0
    private var pattern: VideoPattern
    private let filler: [UInt8]
    private var pictureID: UInt16
    private var tl0: UInt8
    private var keyIndex: UInt8 = 0
    private var wantsKeyframe = true
    private var lastKeyframe: Timestamp?
    private let temporal: TemporalPattern
    /// What may have to be sent again.
    private var memory: PacketMemory?
    /// Frames begun, and how many since the last key frame.
    private var frameNumber: UInt16 = 0
    private var sinceKeyframe = 0

    /// The frame being sent.
    private var frameBytes = 0
    private var isKeyframe = false
    private var place = TemporalPattern.Place.base
    private var packetCount = 0
    private var nextPacket = 0
    private var smaller = 0
    private var larger = 0
    private var timestamp: UInt32 = 0

    /// Bytes before the payload: header, block head, send time, transport-wide number, MID, padding.
    static let headerBytes = 28
    /// Key frames come no closer than this, however often they are asked for (libwebrtc's limit).
    static let keyframeInterval = TimeDelta.milliseconds(300)
    private static let pictureLimit = LoadGeneratorLimits.packetBytes - headerBytes - VP8Payload.descriptorBytes
    /// Every packet needs room for a frame header and the stamp.
    private static let leastFrameBytes = 2 * PayloadStamp.byteCount

    /// - Parameter firstFrame: when the first frame is due, the same for all encodings of a source; `nil`: at a random
    ///   moment of the first interval.
    init(
        planned: PlannedStream, encoding: VideoEncoding, options: LoadOptions, random: inout Random,
        firstFrame: Timestamp? = nil, at now: Timestamp
    ) {
        self.planned = planned
        self.encoding = encoding
        stream = OutgoingStream(
            stream: planned, encoding: encoding.number, payloadType: Offer.vp8, clockRate: 90_000, random: &random,
            at: now)
        temporal = TemporalPattern(layers: encoding.temporalLayers)
        if planned.hasRepair {
            memory = PacketMemory(
                ssrc: planned.repairSSRC(ofEncoding: encoding.number), bitrate: encoding.bitrate,
                frameRate: options.videoFrameRate)
        }
        pattern = VideoPattern(
            bitrate: encoding.bitrate, frameRate: options.videoFrameRate, seed: random.next())
        filler = random.bytes(LoadGeneratorLimits.packetBytes + 256)
        pictureID = UInt16(truncatingIfNeeded: random.next() & 0x7FFF)
        tl0 = UInt8(truncatingIfNeeded: random.next())
        interval = .nanoseconds(1_000_000_000 / Int64(options.videoFrameRate))
        pacer = Pacer(bitrate: encoding.bitrate)
        if options.isInterleaved {
            evenPacer = EvenPacer(bitrate: encoding.bitrate, tick: .milliseconds(Int64(options.tickMilliseconds)))
        }
        nextFrame = firstFrame ?? now + .nanoseconds(Int64(random.fraction() * Double(interval.nanoseconds)))
        due = nextFrame
    }

    /// A PLI or FIR came, for this or another encoding of the source: browsers make key frames of all at once.
    mutating func requestKeyframe() {
        wantsKeyframe = true
    }

    /// Starts or stops the encoding; one that starts begins with a key frame.
    mutating func setActive(_ active: Bool) {
        if active, !isActive { wantsKeyframe = true }
        isActive = active
    }

    /// Begins the next frame, unless one is being sent.
    /// - Returns: whether it did.
    mutating func beginFrame(at now: Timestamp) -> Bool {
        guard nextPacket == packetCount else { return false }
        nextFrame = nextFrame.following(interval, now)
        guard isActive else { return false }
        nextPacket = 0
        isKeyframe = wantsKeyframe && lastKeyframe.map { now - $0 >= Self.keyframeInterval } ?? true
        if isKeyframe {
            wantsKeyframe = false
            lastKeyframe = now
            keyframes += 1
            keyIndex = (keyIndex &+ 1) & 0x1F
        }
        sinceKeyframe = isKeyframe ? 0 : sinceKeyframe + 1
        frameNumber &+= 1
        place = temporal.place(sinceKeyframe)
        let mean = Double(pattern.nextBytes(isKeyframe: isKeyframe))
        frameBytes = max(Int(mean * place.weight), Self.leastFrameBytes)
        (packetCount, smaller, larger) = VP8Payload.split(frameBytes, limit: Self.pictureLimit)
        evenPacer?.begin(packets: packetCount, bytes: frameBytes, at: now, following: nextFrame)
        let time = stream.timestamp(at: now)
        // Two frames that were late and go out together are two all the same.
        timestamp = Int32(bitPattern: time &- timestamp) > 0 || frameNumber == 1 ? time : timestamp &+ 1
        pictureID = (pictureID &+ 1) & 0x7FFF
        if place.temporal == 0 { tl0 &+= 1 }
        return true
    }

    /// Whether a packet of the frame may leave at `now`; if not, ``due`` says when to come again.
    mutating func hasPacket(at now: Timestamp) -> Bool {
        guard nextPacket < packetCount else {
            // A frame that had to wait for the one before is not late by our fault.
            due = max(nextFrame, now)
            return false
        }
        if let evenPacer {
            due = evenPacer.next
            return due <= now
        }
        if pacer.admits(at: now) { return true }
        due = pacer.drained
        return false
    }

    /// Whether the packet that follows one just written waits its turn among those of other senders, however late all
    /// of them are; ``due`` is then its moment.
    mutating func yields(at now: Timestamp) -> Bool {
        guard evenPacer != nil else { return false }
        _ = hasPacket(at: now)
        return true
    }

    /// Writes the frame's next packet, not encrypted yet, and gives its length.
    mutating func writePacket(
        to packet: UnsafeMutableRawBufferPointer, transportWide: UInt16, at now: Timestamp
    ) -> Int {
        let index = nextPacket
        nextPacket += 1
        let isLast = index == packetCount - 1
        stream.writeHeader(to: packet, timestamp: timestamp, marker: isLast, extensionWords: 3)
        writeExtensions(to: packet, transportWide: transportWide, at: now)
        // The larger packets stand last.
        let picture = smaller + (index >= packetCount - larger ? 1 : 0)
        let end = Self.headerBytes + VP8Payload.descriptorBytes + picture
        let payload = UnsafeMutableRawBufferPointer(rebasing: packet[Self.headerBytes..<end])
        VP8Payload.writeDescriptor(
            to: payload, isStart: index == 0, pictureID: pictureID, tl0: tl0, keyIndex: keyIndex,
            temporal: place.temporal, isSync: place.isSync)
        let body = UnsafeMutableRawBufferPointer(rebasing: payload[VP8Payload.descriptorBytes...])
        let shift = Int(stream.stampSequence & 255)
        body.copyBytes(from: filler[shift..<shift + picture])
        if index == 0 {
            _ = VP8Payload.writeFrameHeader(
                to: body, isKeyframe: isKeyframe, frameBytes: frameBytes, width: encoding.width, height: encoding.height
            )
        }
        var flags: PayloadStamp.Flags = isKeyframe ? .keyframe : []
        if index == 0 { flags.insert(.first) }
        if isLast { flags.insert(.last) }
        stream.stamp(
            payload, covered: VP8Payload.descriptorBytes, flags: flags, frame: frameNumber, place: place, at: now)
        pacer.note(byteCount: end, at: now)
        evenPacer?.note()
        memory?.note(UnsafeRawBufferPointer(rebasing: packet[..<end]))
        return end
    }

    /// Writes the retransmission of packet `sequence`, not encrypted yet.
    mutating func writeRepeat(
        of sequence: UInt16, to packet: UnsafeMutableRawBufferPointer, transportWide: UInt16, at now: Timestamp
    ) -> PacketMemory.Answer {
        let answer = memory?.write(sequence, to: packet, headerBytes: Self.headerBytes, at: now) ?? .unknown
        if case .written = answer { writeExtensions(to: packet, transportWide: transportWide, at: now) }
        return answer
    }

    private func writeExtensions(to packet: UnsafeMutableRawBufferPointer, transportWide: UInt16, at now: Timestamp) {
        // 24 bits, 6 for whole seconds and 18 for the fraction.
        let seconds = UInt64(truncatingIfNeeded: now.nanoseconds) % 64_000_000_000
        let sendTime = UInt32(truncatingIfNeeded: (seconds << 18) / 1_000_000_000) & 0xFF_FFFF
        packet[16] = Offer.absoluteSendTimeID << 4 | 2
        packet[17] = UInt8(truncatingIfNeeded: sendTime >> 16)
        packet[18] = UInt8(truncatingIfNeeded: sendTime >> 8)
        packet[19] = UInt8(truncatingIfNeeded: sendTime)
        packet[20] = Offer.transportWideID << 4 | 1
        packet.storeBytes(of: transportWide.bigEndian, toByteOffset: 21, as: UInt16.self)
        packet[23] = Offer.midID << 4
        packet[24] = UInt8(ascii: "1")
        packet[25] = 0
        packet[26] = 0
        packet[27] = 0
    }
}
