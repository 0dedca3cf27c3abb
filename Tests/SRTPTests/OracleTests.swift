// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import SRTP
import TestSupport
import Testing

@Suite("SRTP against libsrtp2")
struct OracleTests {
    @Test("libsrtp2 opens what we seal, across roll-overs and with loss", arguments: Protection.all)
    func ourPackets(_ profile: Protection) {
        let failure = checkProperty(cases: 12, seed: UInt64(profile.rawValue) * 1_000) { random in
            let keys = MasterKey(profile, seed: random.next())
            var sender = keys.sender()
            let oracle = keys.oracle(.receiver)
            var sequence = UInt16(truncatingIfNeeded: random.next())
            for _ in 0..<150 {
                let packet = TestPacket.random(sequence, &random)
                guard let sealed = protect(&sender, packet) else { return "refused \(sequence)" }
                if random.int(in: 0...9) > 0, (try? oracle.unprotectRTP(sealed)) != packet.bytes {
                    return "libsrtp2 does not open \(sequence)"
                }
                sequence &+= UInt16(random.int(in: 1...3_000))
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("we open what libsrtp2 seals, across roll-overs, with loss and disorder", arguments: Protection.all)
    func theirPackets(_ profile: Protection) {
        let failure = checkProperty(cases: 12, seed: UInt64(profile.rawValue) * 1_000) { random in
            let keys = MasterKey(profile, seed: random.next())
            var receiver = keys.receiver()
            let oracle = keys.oracle(.sender)
            var sequence = UInt16(65_400) &+ UInt16(random.int(in: 0...130))
            var wire: [(packet: TestPacket, sealed: [UInt8])] = []
            for _ in 0..<200 {
                let packet = TestPacket.random(sequence, &random)
                guard let sealed = try? oracle.protectRTP(packet.bytes) else { return "libsrtp2 refuses \(sequence)" }
                wire.append((packet, sealed))
                sequence &+= 1
            }
            for start in stride(from: 0, to: wire.count, by: 20) {
                let shuffled = wire[start..<min(start + 20, wire.count)].shuffled(using: &random)
                for (packet, sealed) in shuffled where random.int(in: 0...9) > 0 {
                    // The first packet can lie on the near side while later ones come from before the roll-over.
                    let opened = unprotect(&receiver, sealed, headerBytes: packet.header.count)
                    if opened != .success(packet.bytes) { return "\(packet.header) gave \(opened)" }
                    let again = unprotect(&receiver, sealed, headerBytes: packet.header.count)
                    if again != .failure(.replay) { return "a repetition gave \(again)" }
                }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("RTCP goes both ways", arguments: Protection.all)
    func control(_ profile: Protection) {
        let failure = checkProperty(cases: 12, seed: UInt64(profile.rawValue) * 1_000) { random in
            let keys = MasterKey(profile, seed: random.next())
            var sender = keys.sender()
            var receiver = keys.receiver()
            let theirSender = keys.oracle(.sender)
            let theirReceiver = keys.oracle(.receiver)
            for round in 0..<60 {
                let ssrc = UInt32(random.int(in: 1...3))
                let report = makeReport(ssrc: ssrc, rest: random.bytes(random.int(in: 0...100) * 4))
                guard let sealed = protectControl(&sender, report) else { return "refused in round \(round)" }
                if (try? theirReceiver.unprotectRTCP(sealed)) != report { return "libsrtp2 does not open \(round)" }
                guard let theirs = try? theirSender.protectRTCP(report) else { return "libsrtp2 refuses \(round)" }
                if unprotectControl(&receiver, theirs) != .success(report) { return "we do not open \(round)" }
                if unprotectControl(&receiver, theirs) != .failure(.replay) { return "repetition in \(round)" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("the roll-over counter goes on beyond one turn", arguments: Protection.common)
    func manyTurns(_ profile: Protection) throws {
        let keys = MasterKey(profile)
        var sender = keys.sender()
        var receiver = keys.receiver()
        let oracle = keys.oracle(.receiver)
        var sequence: UInt16 = 60_000
        for _ in 0..<40 {
            let packet = TestPacket(sequence: sequence, payload: [1, 2, 3])
            let sealed = try #require(protect(&sender, packet))
            #expect(try oracle.unprotectRTP(sealed) == packet.bytes)
            #expect(unprotect(&receiver, sealed) == .success(packet.bytes))
            sequence &+= 10_000
        }
    }
}
