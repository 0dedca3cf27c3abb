// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Forwarding
import Primitives
import RTP
import ShardMessages
import Testing

// Clients with SSRC rewriting, as Jicofo signals them.

extension World {
    /// A client with NACK and RTX that gets sources in slots; source names are `a<n>` and `v<n>`.
    mutating func joinRewriting(
        _ numbering: SourceNumbering = .slots, preferences: ReceiverPreferences = .everything,
        edit: (inout EndpointMedia) -> Void = { _ in }
    ) -> Bool {
        let number = clients.count
        return join(preferences: preferences, numbering: numbering) { media in
            media.payloadTypes[1].hasNACK = true
            var rtx = PayloadType(number: Self.rtxType, codec: .rtx, clockRate: 90_000)
            rtx.associated = 100
            media.payloadTypes.append(rtx)
            for position in media.sources?.indices ?? 0..<0 {
                media.sources?[position].name += String(number)
                guard media.sources?[position].mediaType == .video else { continue }
                let ssrc = media.sources?[position].streams[0].ssrc ?? 0
                media.sources?[position].streams = [SourceStreamDescription(ssrc: ssrc, rtxSSRC: ssrc + 1_000)]
            }
            edit(&media)
        }
    }

    /// A conference of `count` connected clients with SSRC rewriting.
    mutating func assembleRewriting(_ count: Int, _ numbering: SourceNumbering = .slots) -> Bool {
        createConference()
        for _ in 0..<count where !joinRewriting(numbering) { return false }
        return connectAll()
    }

    /// What a client was told of its slots so far: by source name.
    func slots(of client: Int) -> [String: SlotMapping] {
        var carried: [UInt32: SlotMapping] = [:]
        for case .slotsChanged(clients[client].number, _, let changes) in events {
            for change in changes { carried[change.ssrc] = change.source == nil ? nil : change }
        }
        var result: [String: SlotMapping] = [:]
        for slot in carried.values { result[slot.source?.name ?? ""] = slot }
        return result
    }

    /// A source's SSRC at a client, as it was told.
    func slot(_ name: String, at client: Int) throws -> SlotMapping { try require(slots(of: client)[name]) }

    /// How many changes a client was told of.
    func toldChanges(_ client: Int) -> Int {
        var count = 0
        for case .slotsChanged(clients[client].number, _, let changes) in events { count += changes.count }
        return count
    }

    /// Lets a client speak once; the payload says who.
    mutating func speak(_ client: Int, ssrc: UInt32? = nil) throws {
        let datagram = clients[client].makeRTP(
            ssrc: ssrc ?? clients[client].audioSSRC, payloadType: 111, payload: [0xA0, UInt8(client)])
        send([try require(datagram)], from: client)
    }

    /// Lets a client show a frame of its camera in one packet.
    mutating func show(_ client: Int, ssrc: UInt32? = nil, isKeyframe: Bool = false) throws {
        let ssrc = ssrc ?? clients[client].videoSSRC
        let number = (clients[client].sequences[ssrc] ?? UInt16(truncatingIfNeeded: ssrc &* 7_919)) &+ 1
        clients[client].sequences[ssrc] = number
        let datagram = clients[client].makeRTP(
            ssrc: ssrc, payloadType: 100, sequence: number, timestamp: UInt32(number) &* 3_000 &+ ssrc &* 77_777,
            payload: Self.picture(number, isKeyframe: isKeyframe))
        send([try require(datagram)], from: client)
    }

    /// What a client got since the last call.
    mutating func take(_ client: Int) -> [Client.Received] {
        defer { clients[client].received = [] }
        return clients[client].received
    }

    /// Key frame requests that a client got since the last call, for these SSRCs.
    mutating func takePictureLosses(_ client: Int) -> [UInt32] {
        defer { clients[client].receivedRTCP = [] }
        return clients[client].receivedRTCP.flatMap { datagram -> [UInt32] in
            var actions = IncomingRTCP()
            var found: [UInt32] = []
            while let action = actions.next(in: datagram.rawSpan) {
                if case .pictureLoss(let ssrc) = action { found.append(ssrc) }
            }
            return found
        }
    }
}
