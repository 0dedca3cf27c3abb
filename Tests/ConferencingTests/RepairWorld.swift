// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Forwarding
import Primitives
import RTP
import ShardMessages
import Testing

// Clients with NACK and RTX, as Jicofo signals them.

extension World {
    /// The payload type of retransmissions of VP8.
    static let rtxType: UInt8 = 96

    /// Adds a client that answers NACKs and sends some; its RTX SSRC is its video SSRC plus 1,000.
    mutating func joinRepairing(
        hasRTX: Bool = true, edit: (inout EndpointMedia) -> Void = { _ in }
    ) -> Bool {
        join { media in
            media.payloadTypes[1].hasNACK = true
            for position in media.sources?.indices ?? 0..<0 where media.sources?[position].mediaType == .video {
                let ssrc = media.sources?[position].streams[0].ssrc ?? 0
                media.sources?[position].streams = [SourceStreamDescription(ssrc: ssrc, rtxSSRC: ssrc + 1_000)]
            }
            if hasRTX {
                var rtx = PayloadType(number: Self.rtxType, codec: .rtx, clockRate: 90_000)
                rtx.associated = 100
                media.payloadTypes.append(rtx)
            }
            edit(&media)
        }
    }

    /// A conference of `count` connected clients that repair losses.
    mutating func assembleRepairing(_ count: Int, hasRTX: Bool = true) -> Bool {
        createConference()
        for _ in 0..<count where !joinRepairing(hasRTX: hasRTX) { return false }
        return connectAll()
    }

    /// A packet of client 0's camera. Its payload tells its number.
    mutating func video(_ sequence: UInt16, isKeyframe: Bool = false, size: Int = 200) throws -> [UInt8] {
        try require(
            clients[0].makeRTP(
                ssrc: 2_000, payloadType: 100, sequence: sequence, timestamp: 90_000 &+ UInt32(sequence) &* 3_000,
                payload: Self.picture(sequence, isKeyframe: isKeyframe, size: size)))
    }

    /// The payload of ``video(_:isKeyframe:size:)``.
    static func picture(_ sequence: UInt16, isKeyframe: Bool = false, size: Int = 200) -> [UInt8] {
        vp8(isKeyframe: isKeyframe, size: size) + [UInt8(sequence >> 8), UInt8(sequence & 255)]
    }

    /// The same packet on client 0's RTX stream, as number `own` of that.
    mutating func repeated(_ sequence: UInt16, as own: UInt16, isKeyframe: Bool = false) throws -> [UInt8] {
        try repair(
            [UInt8(sequence >> 8), UInt8(sequence & 255)] + Self.picture(sequence, isKeyframe: isKeyframe),
            timestamp: 90_000 &+ UInt32(sequence) &* 3_000, as: own)
    }

    /// Any payload on client 0's RTX stream.
    mutating func repair(
        _ payload: [UInt8], timestamp: UInt32 = 90_000, as own: UInt16, payloadType: UInt8 = rtxType, padding: Int = 0
    ) throws -> [UInt8] {
        try require(
            clients[0].makeRTP(
                ssrc: 3_000, payloadType: payloadType, sequence: own, timestamp: timestamp, payload: payload,
                padding: padding))
    }

    /// Gives the bridge the packets with these numbers, and lets what is due at once happen.
    mutating func sendVideo(_ numbers: [UInt16], key: UInt16? = nil) throws {
        var datagrams: [[UInt8]] = []
        for number in numbers { datagrams.append(try video(number, isKeyframe: number == key)) }
        send(datagrams, from: 0)
        run(for: .zero)
    }

    /// The numbers that client 0 was asked for since it was last looked at, packet by packet.
    mutating func takeNacks() -> [[UInt16]] {
        let list = clients[0].receivedRTCP.compactMap { nackedNumbers($0, media: 2_000) }
        clients[0].receivedRTCP = []
        return list
    }

    /// The last bytes of what a client got of the camera, which are the senders' numbers.
    func pictures(_ client: Int) -> [UInt16] {
        clients[client].received.filter { $0.ssrc == 2_000 }.map { number(of: $0.payload) }
    }

    /// Which number a payload of ``picture(_:isKeyframe:size:)`` was made for.
    func number(of payload: [UInt8]) -> UInt16 {
        payload.suffix(2).reduce(0) { $0 << 8 | UInt16($1) }
    }

    /// A NACK of a client for numbers that it knows, with a sender SSRC of its own.
    mutating func nack(_ numbers: [UInt16], of media: UInt32 = 2_000, from client: Int) throws {
        let datagram = clients[client].makeRTCP {
            GenericNACK.write(senderSSRC: 77, mediaSSRC: media, lost: numbers.span, to: &$0)
        }
        send([try require(datagram)], from: client)
    }
}

/// What a decrypted datagram asks for of a stream; `nil` when it is no NACK for it.
func nackedNumbers(_ datagram: [UInt8], media ssrc: UInt32) -> [UInt16]? {
    var actions = IncomingRTCP()
    var numbers: [UInt16]?
    while let action = actions.next(in: datagram.rawSpan) {
        guard case .nack(ssrc, let entry) = action else { continue }
        numbers = (numbers ?? []) + [entry.packetID]
        for bit in UInt16(0)..<16 where entry.mask & (1 << bit) != 0 {
            numbers?.append(entry.packetID &+ bit &+ 1)
        }
    }
    return numbers
}
