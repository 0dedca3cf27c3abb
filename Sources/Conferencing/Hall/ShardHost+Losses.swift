// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import ShardMessages
import Telemetry

// Losses on the way from senders (media-plane.md 6.1, 6.5, docs/loss-repair.md): what they repeat becomes the packet
// that was lost, and what is missing is asked for again. All of it goes by the numbers that packets came with, before
// gaps are closed.

extension ShardHost {
    /// Restores what came on an RTX stream, where it lies.
    /// - Parameters:
    ///   - ssrc: of the encoding that is repeated.
    ///   - codec: what the payload type means; afterwards what that of the restored packet does.
    /// - Returns: the restored packet; `nil` when there is none, which is counted.
    @inline(never)
    mutating func restore(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, codec: inout UInt8, of ssrc: UInt32,
        _ source: UnsafeMutablePointer<Source>, from endpoint: UnsafeMutablePointer<Endpoint>
    ) -> UnsafeRawBufferPointer? {
        // What is muted was not decrypted.
        guard !endpoint.pointee.uplink.isVideoMuted else {
            counters.add(.droppedForceMuted)
            return nil
        }
        let repaired = endpoint.pointee.uplink.repairs[Int(info.payloadType & 127)]
        guard codec == Codec.rtx.rawValue, repaired < 128,
            source.pointee.carries(endpoint.pointee.uplink.codecs[Int(repaired)], isRetransmission: false)
        else {
            counters.add(.droppedUnknownPayloadType)
            return nil
        }
        guard let base = UnsafeMutableRawPointer(mutating: packet.baseAddress) else { return nil }
        counters.add(.repeatsReceived)
        switch RTXUnwrapping.restore(
            UnsafeMutableRawBufferPointer(start: base, count: packet.count), &info, ssrc: ssrc, payloadType: repaired)
        {
        case .packet: break
        case .probe:
            counters.add(.droppedProbe)
            return nil
        case .malformed:
            counters.add(.droppedMalformedRTX)
            return nil
        }
        codec = endpoint.pointee.uplink.codecs[Int(repaired)]
        return UnsafeRawBufferPointer(
            start: base + RTXStream.prefixBytes, count: packet.count - RTXStream.prefixBytes)
    }

    /// Takes note of a packet of video; what is missing before it is asked for when the turn's packets are in.
    /// - Parameters:
    ///   - isRepeat: it came on the RTX stream.
    ///   - isRestart: the sender began a new sequence with it.
    /// - Returns: `false` when it has come already or nobody needs it, which is counted.
    @inline(__always)
    mutating func isNew(
        _ info: PacketInfo, of stream: StreamReference, isRepeat: Bool, isRestart: Bool,
        _ source: UnsafeMutablePointer<Source>, in conference: UnsafeMutablePointer<Conference>,
        from index: Int, at now: Timestamp
    ) -> Bool {
        let endpoint = endpoints.pointer(at: index)
        guard endpoint.pointee.uplink.hasNACK, !endpoint.pointee.uplink.isVideoMuted,
            source.pointee.used >> stream.encoding & 1 == 1,
            !conference.pointee.interest.isUnwanted(Int(stream.source))
        else {
            source.pointee.nacks[Int(stream.encoding)]?.pointee.stop()
            // Nobody has asked for it.
            if isRepeat { counters.add(.droppedRepeat) }
            return !isRepeat
        }
        let generator = source.pointee.nacks.generator(of: Int(stream.encoding))
        guard !isRestart else {
            generator.pointee.restart(at: info.sequence)
            return true
        }
        let before = generator.pointee.missingCount > 0 ? generator.pointee.counters : nil
        let arrival = generator.pointee.note(
            info.sequence, isRepeat: isRepeat, roundTrip: endpoint.pointee.downlink.knownRoundTrip, now: now)
        if let before { tell(generator.pointee.counters, since: before) }
        if let due = generator.pointee.nextTimeout, due < endpoint.pointee.uplink.nextNack {
            endpoint.pointee.uplink.nextNack = due
            schedule(index, at: due)
        }
        switch arrival {
        case .newest, .late: return true
        case .duplicate: counters.add(isRepeat ? .droppedRepeat : .droppedDuplicate)
        case .tooOld: counters.add(.droppedTooLate)
        }
        return false
    }

    /// A key frame begins: what is missing before it is needed no more.
    @inline(never)
    func settleLosses(before sequence: UInt16, of encoding: UInt8, _ source: UnsafeMutablePointer<Source>) {
        guard let generator = source.pointee.nacks[Int(encoding)], generator.pointee.missingCount > 0 else { return }
        let before = generator.pointee.counters
        generator.pointee.noteKeyframe(at: sequence)
        tell(generator.pointee.counters, since: before)
    }

    /// Asks an endpoint for all that is missing of what it sends and due to be asked for.
    mutating func sendNacks(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        var next = Timestamp.distantFuture
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let source = conference.pointee.sources.pointer(at: Int(endpoint.pointee.uplink.sources[position]))
            for encoding in 0..<source.pointee.nacks.count {
                guard let generator = source.pointee.nacks[encoding] else { continue }
                // Who cannot be reached begins anew.
                if !endpoint.pointee.transport.isReady { generator.pointee.stop() }
                sendNack(
                    for: generator, of: source.pointee.encodings[encoding].ssrc, in: conference, to: endpoint, at: now,
                    into: &egress)
                next = min(next, generator.pointee.nextTimeout ?? .distantFuture)
            }
        }
        endpoint.pointee.uplink.nextNack = next
    }

    private mutating func sendNack(
        for generator: UnsafeMutablePointer<NackGenerator>, of ssrc: UInt32,
        in conference: UnsafeMutablePointer<Conference>, to endpoint: UnsafeMutablePointer<Endpoint>,
        at now: Timestamp, into egress: inout EgressBatch
    ) {
        guard let due = generator.pointee.nextTimeout, due <= now else { return }
        let before = generator.pointee.counters
        var writer = BufferWriter(reportBuffer)
        let count = generator.pointee.write(
            senderSSRC: conference.pointee.videoSSRC, mediaSSRC: ssrc,
            roundTrip: endpoint.pointee.downlink.knownRoundTrip, now: now, to: &writer)
        tell(generator.pointee.counters, since: before)
        guard count > 0 else { return }
        counters.add(.nacksSent)
        send(writer.count, to: endpoint, into: &egress)
    }

    /// Adds to the worker's counters what an encoding's have grown by.
    private func tell(_ after: NackCounters, since before: NackCounters) {
        func add(_ counter: MediaCounter, _ count: UInt32) {
            if count > 0 { counters.add(counter, UInt64(count)) }
        }
        add(.packetsAskedFor, after.asked &- before.asked)
        add(.packetsAskedForAgain, after.askedAgain &- before.askedAgain)
        add(.packetsRepaired, after.repaired &- before.repaired)
        add(.packetsGivenUp, after.givenUp &- before.givenUp)
    }
}
