// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import VideoPayload

// What a client sends.

extension VirtualClient {
    /// The last bytes of every payload: a mark, which ledger, which packet.
    static let tagBytes = 12
    static let tagMark: UInt32 = 0x5649_4144
    /// Numbers of the extensions that all clients use alike.
    static let transportNumberID: UInt8 = 5
    static let sendTimeID: UInt8 = 6
    static let midID: UInt8 = 10

    func sendAudio(in world: World) {
        guard var source = audio, source.isActive, source.next <= world.now else { return }
        if source.until <= world.now {
            source.isTalking = !settings.pauses || world.isCalm || !source.isTalking
            source.until = world.now + .milliseconds(Int64(random.int(in: source.isTalking ? 600...2_000 : 200...600)))
        }
        source.timestamp &+= UInt32(settings.audioInterval.microseconds * 48 / 1_000)
        source.frame += 1
        source.next = source.next + settings.audioInterval
        let level = self.level ?? (source.isTalking ? UInt8(random.int(in: 20...60)) : 127)
        var payload = filler(random.int(in: 40...90), seed: source.frame)
        sendMedia(
            &source, number: settings.opusNumber, marker: false, payload: &payload, in: world,
            as: SentPacket(
                timestamp: source.timestamp, frame: source.frame, part: 0, parts: 1, isKey: false, level: level,
                payloadHash: 0, payloadBytes: 0))
        audio = source
    }

    func sendVideo(in world: World) {
        guard var source = video, source.isActive else { return }
        if source.next <= world.now {
            // Frames that were not sent yet leave first, and at once.
            while !source.queue.isEmpty { sendPart(&source, in: world) }
            planFrame(&source, at: world.now)
        }
        // Ends: takes one packet out of the frame's queue.
        while let first = source.queue.first, first.due <= world.now { sendPart(&source, in: world) }
        video = source
    }

    /// A part of a frame, at once and of exactly so many bytes: for scenarios that set the order themselves. The first
    /// part of a frame begins it.
    func sendExactly(part: Int, of parts: Int, bytes: Int, in world: World) {
        guard var source = video, isReady else { return }
        if part == 0 {
            source.timestamp &+= 9_000
            source.frame += 1
        }
        let isKey = source.wantsKey
        if part == parts - 1 { source.wantsKey = false }
        source.queue = [
            MediaSource.PlannedPacket(
                due: world.now, part: part, parts: parts, isKey: isKey, isPadding: false,
                payloadBytes: part == 0 ? max(0, bytes - (isKey ? 10 : 3)) : bytes)
        ]
        sendPart(&source, in: world)
        video = source
    }

    private func planFrame(_ source: inout MediaSource, at now: Timestamp) {
        let interval = TimeDelta.nanoseconds(1_000_000_000 / Int64(settings.framesPerSecond))
        source.next = source.next + interval
        if source.next <= now { source.next = now + interval }
        source.timestamp &+= UInt32(90_000 / settings.framesPerSecond)
        source.frame += 1
        let isKey = source.wantsKey
        source.wantsKey = false
        let parts = random.int(in: 1...max(1, isKey ? settings.parts.key : settings.parts.usual))
        let size = random.int(in: 120...400)
        var due = now
        for part in 0..<parts {
            source.queue.append(
                MediaSource.PlannedPacket(
                    due: due, part: part, parts: parts, isKey: isKey, isPadding: false,
                    payloadBytes: size + (part > parts / 2 ? 1 : 0)))
            due = due + settings.pace
        }
        guard random.fraction() < settings.padding else { return }
        for _ in 0..<random.int(in: 1...2) {
            source.queue.append(
                MediaSource.PlannedPacket(
                    due: due, part: 0, parts: 0, isKey: false, isPadding: true, payloadBytes: 0))
        }
    }

    private func sendPart(_ source: inout MediaSource, in world: World) {
        let plan = source.queue.removeFirst()
        let packet = SentPacket(
            timestamp: source.timestamp, frame: source.frame, part: plan.part, parts: plan.parts, isKey: plan.isKey,
            isPadding: plan.isPadding, payloadHash: 0, payloadBytes: 0)
        var payload: [UInt8] = []
        if !plan.isPadding {
            payload = BufferWriter.array(capacity: 64) { writer in
                var descriptor = VP8Descriptor()
                descriptor.isPartitionStart = plan.part == 0
                descriptor.pictureID = Int16(source.frame & 0x7FFF)
                descriptor.hasLongPictureID = true
                descriptor.write(to: &writer)
                guard plan.part == 0 else { return }
                VP8FrameHeader.write(
                    isKeyframe: plan.isKey, width: 640, height: 360, firstPartitionBytes: 100, to: &writer)
            }
            payload += filler(plan.payloadBytes, seed: source.frame)
        }
        sendMedia(
            &source, number: settings.vp8Number, marker: plan.part == plan.parts - 1, payload: &payload, in: world,
            as: packet)
    }

    /// Writes, protects and sends one packet, and enters it into the ledger.
    private func sendMedia(
        _ source: inout MediaSource, number: UInt8, marker: Bool, payload: inout [UInt8], in world: World,
        as packet: SentPacket
    ) {
        let index = world.ledgers[source.ledger].packets.count
        if !packet.isPadding { payload += tag(source.ledger, index) }
        var sent = packet
        sent.payloadHash = contentHash(payload, isVideo: number == settings.vp8Number)
        sent.payloadBytes = payload.count
        let sequence = world.ledgers[source.ledger].sequence(of: index)
        if packet.isPadding { payload = [UInt8](repeating: 0, count: 99) + [100] }
        let header = MediaHeader(
            marker: marker, payloadType: number, sequence: sequence, timestamp: packet.timestamp, ssrc: source.ssrc,
            hasPadding: packet.isPadding, level: packet.level)
        guard let (bytes, transportNumber) = seal(header, payload: payload, in: world) else { return }
        world.ledgers[source.ledger].packets.append(sent)
        source.packets &+= 1
        source.octets &+= UInt32(payload.count)
        source.lastDatagram = bytes
        world.send(bytes, from: self, packet: (source.ledger, index), transportNumber: transportNumber)
    }

    /// What the payload of every packet ends with.
    func tag(_ ledger: Int, _ index: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for value in [Self.tagMark, UInt32(ledger), UInt32(index)] {
            for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        return bytes
    }

    /// Writes a packet with this client's extensions, and protects it.
    /// - Returns: the datagram, and its transport-wide number.
    func seal(_ header: MediaHeader, payload: [UInt8], in world: World) -> (bytes: [UInt8], transportNumber: Int?)? {
        let transportNumber = transportFates.count
        var slot = [UInt8](repeating: 0, count: EgressBatch.slotBytes)
        let total = slot.withUnsafeMutableBytes { slot -> Int? in
            var writer = BufferWriter(slot)
            RTPHeader.write(
                marker: header.marker, payloadType: header.payloadType, sequence: header.sequence,
                timestamp: header.timestamp, ssrc: header.ssrc, hasPadding: header.hasPadding, hasExtension: true,
                to: &writer)
            let block = HeaderExtensionWriter(.oneByte, to: &writer)
            if header.level != 255 {
                block.append(id: settings.levelID, [0x80 | header.level].rawSpan, to: &writer)
            }
            if settings.hasTransportCC {
                let bytes = [UInt8(transportNumber >> 8 & 255), UInt8(transportNumber & 255)]
                block.append(id: Self.transportNumberID, bytes.rawSpan, to: &writer)
            } else {
                block.append(id: Self.sendTimeID, uint24: AbsoluteSendTime(world.now).value, to: &writer)
            }
            block.append(id: Self.midID, [UInt8(ascii: "0")].rawSpan, to: &writer)
            block.finish(&writer)
            return payload.withUnsafeBytes { body in
                transport.protectRTP(slot: slot, headerBytes: writer.count, payload: body)
            }
        }
        guard let total else {
            world.fail(.world, "client \(self.index) cannot protect a packet")
            return nil
        }
        if settings.hasTransportCC { transportFates.append(false) }
        return (Array(slot[..<total]), settings.hasTransportCC ? transportNumber : nil)
    }

    func filler(_ count: Int, seed: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: count)
        for position in stride(from: 0, to: count, by: 7) {
            bytes[position] = UInt8(truncatingIfNeeded: position &* 31 &+ seed)
        }
        return bytes
    }
}

/// A checksum of what a payload says, apart from the picture numbers that each receiver has its own of.
func contentHash(_ payload: [UInt8], isVideo: Bool) -> UInt64 {
    var payload = payload
    if isVideo, let descriptor = VP8Descriptor(payload.rawSpan, from: 0, to: payload.count) {
        payload.withUnsafeMutableBytes {
            var bytes = $0.mutableBytes
            descriptor.pictureFields.patch(pictureID: 0, tl0PictureIndex: 0, in: &bytes, at: 0)
        }
    }
    return payload.withUnsafeBytes { payloadHash($0) }
}

/// A checksum of a payload: equal bytes, equal numbers.
func payloadHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while offset + 8 <= bytes.count {
        hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xBF58_476D_1CE4_E5B9
        hash ^= hash >> 31
        offset += 8
    }
    while offset < bytes.count {
        hash = (hash ^ UInt64(bytes[offset])) &* 0x94D0_49BB_1331_11EB
        offset += 1
    }
    return hash ^ hash >> 29
}
