// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import VideoPayload

// What a client sends of a video source with layers, and how it answers those who miss something of it.

extension VirtualClient {
    /// Sends what is due.
    func sendEncoded(in world: World) {
        guard var encoder, encoder.isActive, encoder.nextTimeout <= world.now else { return }
        // Only one of two copies can be changed without copying all that it sent.
        self.encoder = nil
        if encoder.next <= world.now {
            for position in encoder.encodings.indices {
                // Frames that were not sent yet leave first, and at once.
                while !encoder.encodings[position].queue.isEmpty { sendPlanned(&encoder, position, in: world) }
                if encoder.encodings[position].isActive { plan(&encoder, position, in: world) }
            }
            let interval = TimeDelta.nanoseconds(1_000_000_000 / Int64(settings.framesPerSecond))
            encoder.next = encoder.next + interval
            if encoder.next <= world.now { encoder.next = world.now + interval }
            encoder.ticks &+= UInt32(90_000 / settings.framesPerSecond)
        }
        for position in encoder.encodings.indices {
            // Ends: takes one packet out of the frame's queue.
            while let first = encoder.encodings[position].queue.first, first.due <= world.now {
                sendPlanned(&encoder, position, in: world)
            }
        }
        self.encoder = encoder
    }

    private func plan(_ encoder: inout VideoEncoder, _ position: Int, in world: World) {
        let ledger = encoder.encodings[position].ledger
        let number = world.ledgers[ledger].frames.count
        var frame = encoder.nextFrame(of: position, number: number, isLong: encoder.settings.hasLongPictureIDs)
        frame.first = -1
        frame.parts = min(6, random.int(in: 1...1 + position) + (frame.isKey ? position + 1 : 0))
        let timestamp = encoder.ticks &+ encoder.encodings[position].timestampOffset
        let bytes = random.int(in: 60...160 << position)
        var due = world.now + settings.pace * Int64(position)
        for part in 0..<frame.parts {
            encoder.encodings[position].queue.append(
                VideoEncoder.PlannedPacket(
                    due: due, frame: number, part: part, payloadBytes: bytes + (part > frame.parts / 2 ? 1 : 0),
                    timestamp: timestamp))
            due = due + settings.pace
        }
        world.ledgers[ledger].frames.append(frame)
        guard random.fraction() < settings.padding else { return }
        encoder.encodings[position].queue.append(
            VideoEncoder.PlannedPacket(due: due, frame: -1, part: 0, payloadBytes: 0, timestamp: timestamp))
    }

    private func sendPlanned(_ encoder: inout VideoEncoder, _ position: Int, in world: World) {
        let plan = encoder.encodings[position].queue.removeFirst()
        let (ledger, ssrc) = (encoder.encodings[position].ledger, encoder.encodings[position].ssrc)
        let index = world.ledgers[ledger].packets.count
        var payload: [UInt8] = []
        var sent = SentPacket(
            timestamp: plan.timestamp, frame: plan.frame, part: plan.part, parts: 0, isKey: false,
            isPadding: plan.frame < 0, payloadHash: 0, payloadBytes: 0)
        if plan.frame >= 0 {
            if plan.part == 0 { world.ledgers[ledger].frames[plan.frame].first = index }
            let frame = world.ledgers[ledger].frames[plan.frame]
            (sent.parts, sent.isKey) = (frame.parts, frame.isKey)
            let height = UInt16(world.groups[encoder.group].heights[position])
            payload = BufferWriter.array(capacity: 64) { writer in
                frame.descriptor(part: plan.part, encoder.settings).write(to: &writer)
                guard plan.part == 0 else { return }
                VP8FrameHeader.write(
                    isKeyframe: frame.isKey, width: height / 9 * 16, height: height, firstPartitionBytes: 100,
                    to: &writer)
            }
            payload += filler(plan.payloadBytes, seed: plan.frame) + tag(ledger, index)
            let start = frame.descriptorBytes(encoder.settings)
            sent.payloadHash = payload.withUnsafeBytes {
                payloadHash(UnsafeRawBufferPointer(rebasing: $0[start...]))
            }
            sent.payloadBytes = payload.count
        }
        let marker = plan.frame >= 0 && plan.part == sent.parts - 1
        let header = MediaHeader(
            marker: marker, payloadType: settings.vp8Number,
            sequence: world.ledgers[ledger].sequence(of: index), timestamp: plan.timestamp,
            ssrc: ssrc, hasPadding: sent.isPadding)
        let body = sent.isPadding ? [UInt8](repeating: 0, count: 99) + [100] : payload
        guard let (bytes, transportNumber) = seal(header, payload: body, in: world) else { return }
        world.ledgers[ledger].packets.append(sent)
        encoder.encodings[position].packets &+= 1
        encoder.encodings[position].octets &+= UInt32(payload.count)
        if !sent.isPadding {
            if encoder.encodings[position].sent.count == SimulationLimits.repeatableBySender {
                encoder.encodings[position].sent.removeFirst(SimulationLimits.repeatableBySender / 4)
            }
            encoder.encodings[position].sent.append(
                VideoEncoder.SentPayload(index: index, marker: marker, timestamp: plan.timestamp, payload: payload))
        }
        world.send(bytes, from: self, packet: (ledger, index), transportNumber: transportNumber)
    }

    /// Repeats what the bridge misses, no faster than a round trip.
    func answer(_ nack: RTCPPacket, _ header: FeedbackHeader, _ bytes: [UInt8], in world: World) {
        guard var encoder, let position = encoder.encodings.firstIndex(where: { $0.ssrc == header.mediaSSRC }),
            let rtxSSRC = encoder.encodings[position].rtxSSRC
        else { return }
        self.encoder = nil
        defer { self.encoder = encoder }
        for sequence in GenericNACK.numbers(of: nack, in: bytes.rawSpan) {
            let index = world.ledgers[encoder.encodings[position].ledger].index(of: sequence)
            guard let place = encoder.encodings[position].sent.lastIndex(where: { $0.index == index }) else { continue }
            let packet = encoder.encodings[position].sent[place]
            if let last = packet.repeatedAt, world.now - last < roundTrip * 3 / 4 { continue }
            encoder.encodings[position].sent[place].repeatedAt = world.now
            let header = MediaHeader(
                marker: packet.marker, payloadType: settings.rtxNumber,
                sequence: encoder.encodings[position].rtxSequence, timestamp: packet.timestamp, ssrc: rtxSSRC)
            encoder.encodings[position].rtxSequence &+= 1
            let payload = [UInt8(sequence >> 8), UInt8(sequence & 0xFF)] + packet.payload
            guard let (datagram, transportNumber) = seal(header, payload: payload, in: world) else { return }
            repeatsSent += 1
            world.send(
                datagram, from: self, packet: (encoder.encodings[position].ledger, index), isRepeat: true,
                transportNumber: transportNumber)
        }
    }

    /// About how long an answer takes.
    var roundTrip: TimeDelta {
        uplink.settings.delay + downlink.settings.delay + uplink.settings.jitter + downlink.settings.jitter
    }
}

extension EncodedFrame {
    /// The descriptor of one of its packets.
    func descriptor(part: Int, _ settings: LayerSettings) -> VP8Descriptor {
        var descriptor = VP8Descriptor()
        descriptor.isPartitionStart = part == 0
        descriptor.isNonReference = settings.temporal == 3 && temporal == 2
        descriptor.pictureID = Int16(bitPattern: pictureID)
        descriptor.hasLongPictureID = settings.hasLongPictureIDs
        descriptor.tl0PictureIndex = Int16(base)
        descriptor.temporalID = Int8(temporal)
        descriptor.isLayerSync = isSync
        descriptor.keyIndex = Int8(keyIndex)
        return descriptor
    }

    /// Length of that.
    func descriptorBytes(_ settings: LayerSettings) -> Int { settings.hasLongPictureIDs ? 6 : 5 }
}

extension GenericNACK {
    /// All numbers that a NACK names.
    static func numbers(of packet: RTCPPacket, in bytes: RawSpan) -> [UInt16] {
        var numbers: [UInt16] = []
        var place = 0
        // Ends: a NACK has a finite length.
        while let entry = GenericNACK(place, of: packet, in: bytes) {
            place += 1
            numbers.append(entry.packetID)
            for bit in 0..<16 as Range<UInt16> where entry.mask & (1 << bit) != 0 {
                numbers.append(entry.packetID &+ bit &+ 1)
            }
        }
        return numbers
    }
}
