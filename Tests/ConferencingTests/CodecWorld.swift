// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import Primitives
import RTP
import ShardMessages
import Testing

@testable import Conferencing

// Members with cameras of any codec: payload types as Jicofo numbers them, three encodings with retransmissions each.

extension World {
    static let vp9Type: UInt8 = 101
    static let h264Type: UInt8 = 107
    /// Of a format that nobody here knows.
    static let otherType: UInt8 = 119

    /// The first SSRC of a member's camera; the others follow.
    static func camera(_ member: Int) -> UInt32 { UInt32(5_000 + member * 10) }

    /// Members who all can send and receive every codec.
    mutating func assembleCodecs(_ count: Int) -> Bool {
        createConference()
        for member in 0..<count {
            let isIn = joinNamed { media in
                for (number, codec) in [
                    (Self.vp9Type, Codec.vp9), (Self.h264Type, .h264), (Self.otherType, .otherVideo),
                ] {
                    var type = PayloadType(number: number, codec: codec, clockRate: 90_000)
                    (type.hasPLI, type.hasNACK) = (true, true)
                    media.payloadTypes.append(type)
                }
                var rtx = PayloadType(number: 97, codec: .rtx, clockRate: 90_000)
                rtx.associated = Self.vp9Type
                media.payloadTypes.append(rtx)
                media.sources?[1].streams = (0..<3).map {
                    SourceStreamDescription(ssrc: Self.camera(member) + $0, rtxSSRC: Self.camera(member) + 5 + $0)
                }
            }
            if !isIn { return false }
        }
        return connectAll()
    }

    /// What is decided of a receiver and somebody's camera, as the allocation does; which then decides nothing else of
    /// this receiver.
    mutating func aim(_ receiver: Int, atCamera sender: Int, _ target: LayerTarget) throws {
        let index = try require(host.endpointIndex(clients[receiver].number))
        let endpoint = host.endpoints.pointer(at: index)
        let conference = host.conferences.pointer(at: endpoint.pointee.conference)
        let slot = try require(conference.pointee.sourceSlot(outgoing: Self.camera(sender)))
        let source = conference.pointee.sources.pointer(at: slot)
        let pair = try require(host.pair(of: endpoint, with: slot, source, at: now))
        endpoint.pointee.downlink.projection(at: pair).pointee.aim(at: target)
        host.noteUse(of: slot, in: conference)
        endpoint.pointee.reception.schedule.ran(at: now + .seconds(3_600.0), rate: .unlimited, AllocationOutcome())
    }

    /// What a client got of a member's camera since the last call.
    mutating func takeVideo(_ client: Int, of sender: Int) -> [Client.Received] {
        defer { clients[client].received = [] }
        return clients[client].received.filter { $0.ssrc == Self.camera(sender) }
    }

    /// Key frames that a client was asked for since the last call.
    mutating func takeKeyframeRequests(_ client: Int) -> Int {
        defer { clients[client].receivedRTCP = [] }
        return clients[client].receivedRTCP.count { bytes in
            var actions = IncomingRTCP()
            while let action = actions.next(in: bytes.rawSpan) {
                if case .pictureLoss = action { return true }
            }
            return false
        }
    }
}
