// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import Testing

/// Senders without transport-wide feedback are told what they may send (media-plane.md 7.1, 8.4).
@Suite("Estimates for senders")
struct SenderEstimateHallTests {
    /// What client 0 is told within four seconds of sending 50 packets a second, by its reports.
    private func told(
        hasREMB: Bool, hasTransportCC: Bool, queueing: TimeDelta = .zero
    ) throws -> [(bitrate: UInt64, hasReport: Bool)] {
        var world = try World()
        world.createConference()
        for _ in 0..<2 {
            let isIn = world.join { media in
                for index in media.payloadTypes.indices { media.payloadTypes[index].hasTransportCC = hasTransportCC }
                media.payloadTypes[1].hasREMB = hasREMB
                media.headerExtensions.append(HeaderExtensionMapping(id: 3, kind: .absoluteSendTime))
            }
            expect(isIn)
        }
        expect(world.connectAll())
        world.clients[0].receivedRTCP = []
        var sent = world.now
        for number in 0..<200 as Range<UInt16> {
            let time = AbsoluteSendTime(sent).value
            let packet = world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: 100, sequence: number, timestamp: UInt32(number) * 1_800,
                payload: World.picture(number, isKeyframe: number == 0, size: 400),
                extensions: [(3, [UInt8(time >> 16), UInt8(time >> 8 & 255), UInt8(time & 255)])])
            world.send([try require(packet)], from: 0)
            // What queues on the way takes longer with each packet.
            world.run(for: .milliseconds(20) + queueing)
            sent = sent + .milliseconds(20)
        }
        return world.clients[0].receivedRTCP.compactMap { datagram in
            var actions = IncomingRTCP()
            var hasReport = false
            while let action = actions.next(in: datagram.rawSpan) {
                switch action {
                case .receptionReport: hasReport = true
                case .maximumBitrate(let estimate): return (estimate.bitrate, hasReport)
                default: break
                }
            }
            return nil
        }
    }

    @Test("with each report, and nobody who gets transport-wide feedback or knows no REMB")
    func whoIsTold() throws {
        let estimates = try told(hasREMB: true, hasTransportCC: false)
        #expect(estimates.count >= 6 && estimates.allSatisfy(\.hasReport))
        // It came with far less than that, and lost nothing.
        #expect(estimates.allSatisfy { $0.bitrate > 2_490_000 && $0.bitrate <= 2_500_000 }, "\(estimates)")
        #expect(try told(hasREMB: true, hasTransportCC: true).isEmpty)
        #expect(try told(hasREMB: false, hasTransportCC: false).isEmpty)
    }

    @Test("whose packets queue on the way is told to send less than what comes")
    func queueing() throws {
        let estimates = try told(hasREMB: true, hasTransportCC: false, queueing: .milliseconds(4))
        // 400 bytes and headers, forty times a second.
        #expect(estimates.last.map { $0.bitrate < 160_000 && $0.bitrate > 80_000 } == true, "\(estimates)")
    }
}
