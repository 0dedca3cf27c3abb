// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP written down")
struct RecordTests {
    private func decoded(_ record: SRTPRecord) throws -> SRTPRecord {
        let bytes = record.bytes
        return try SRTPRecord(bytes.rawSpan)
    }

    @Test("a stream goes on from the decoded record, beyond the second roll-over", arguments: Protection.all)
    func goesOn(_ protection: Protection) throws {
        let keys = MasterKey(protection)
        var sender = keys.sender()
        var receiver = keys.receiver()
        var sent: [[UInt8]] = []
        for step in 0..<9 {
            let packet = TestPacket(ssrc: 1, sequence: UInt16(truncatingIfNeeded: step * 20_000), payload: [1, 2])
            let sealed = try #require(protect(&sender, packet))
            #expect(unprotect(&receiver, sealed) == .success(packet.bytes))
            sent.append(sealed)
            let report = try #require(protectControl(&sender, makeReport(ssrc: 1, rest: [])))
            #expect((try? unprotectControl(&receiver, report).get()) != nil)
            sent.append(report)
        }
        let senderRecord = sender.record
        let receiverRecord = receiver.record
        var nextSender = SRTPSender(try decoded(senderRecord), settings: keys.settings)
        var nextReceiver = SRTPReceiver(try decoded(receiverRecord), settings: keys.settings)

        #expect(unprotect(&nextReceiver, sent[16]) == .failure(.replay), "what was accepted before is known")
        #expect(unprotectControl(&nextReceiver, sent[17]) == .failure(.replay))
        let again = protect(&nextSender, TestPacket(ssrc: 1, sequence: 28_928, payload: [9]))
        #expect(again == nil, "an index that was sealed before is not sealed again")
        let packet = TestPacket(ssrc: 1, sequence: 30_000, payload: [3])
        let sealed = try #require(protect(&nextSender, packet))
        #expect(unprotect(&nextReceiver, sealed) == .success(packet.bytes))
        let report = try #require(protectControl(&nextSender, makeReport(ssrc: 1, rest: [7])))
        #expect((try? unprotectControl(&nextReceiver, report).get()) != nil)
        // The old receiver, which knows the stream, reads it too: the roll-over counter was carried over.
        #expect(unprotect(&receiver, sealed) == .success(packet.bytes))
    }

    @Test("streams that made room, and the order of use, are written down too")
    func evicted() throws {
        let keys = MasterKey(.aeadAES128GCM)
        var sender = keys.sender()
        var receiver = keys.receiver()
        for ssrc in 1...UInt32(SRTPLimits.contexts) + 10 {
            let sealed = try #require(protect(&sender, TestPacket(ssrc: ssrc, sequence: 5, payload: [])))
            _ = unprotect(&receiver, sealed)
        }
        let record = receiver.record
        #expect(record.streams.map(\.ssrc) == Array(11...UInt32(SRTPLimits.contexts) + 10))
        #expect(record.evictedStreams.map(\.ssrc) == Array(1...10))
        let next = SRTPReceiver(try decoded(record))
        #expect(next.record == record)
    }

    /// Pins the format: a record outlives the program that wrote it.
    @Test("the bytes are those of version 1")
    func pinned() throws {
        var sender = SRTPSender(
            profile: .aeadAES128GCM, key: [UInt8](repeating: 0x11, count: 16), salt: [UInt8](repeating: 0x22, count: 12)
        )
        _ = protect(&sender, TestPacket(ssrc: 0xAABB_CCDD, sequence: 7, payload: []))
        _ = protect(&sender, TestPacket(ssrc: 0xAABB_CCDD, sequence: 9, payload: []))
        _ = protectControl(&sender, makeReport(ssrc: 5, rest: []))
        let expected = [UInt8](
            hex: "01" + "0007" + String(repeating: "11", count: 16) + String(repeating: "22", count: 12)
                + "00000001" + "aabbccdd" + "0000000000000009" + "0000000000000005" + "01"
                + "00000001" + "00000005" + "0000000000000000" + "0000000000000001" + "01" + "00000000" + "00000000")
        let record = sender.record
        #expect(record.bytes == expected)
        #expect(try decoded(record) == record)
    }

    @Test("bytes that are no record are refused, each for its reason")
    func refused() throws {
        var sender = MasterKey(.aeadAES128GCM).sender()
        _ = protect(&sender, TestPacket(ssrc: 1, sequence: 7, payload: []))
        _ = protect(&sender, TestPacket(ssrc: 2, sequence: 7, payload: []))
        let good = sender.record.bytes
        func failure(_ change: (inout [UInt8]) -> Void) -> SRTPRecordError? {
            var bytes = good
            change(&bytes)
            do throws(SRTPRecordError) { _ = try SRTPRecord(bytes.rawSpan) } catch { return error }
            return nil
        }
        #expect(failure { $0[0] = 2 } == .version)
        #expect(failure { $0[2] = 9 } == .profile)
        for count in 0..<good.count { #expect(failure { $0.removeLast(good.count - count) } == .length) }
        #expect(failure { $0.append(0) } == .length)
        #expect(failure { $0[31] = 0xFF } == .length, "more streams than there are bytes")
        #expect(failure { $0[35 + 4] = 1 } == .stream, "an index of more than 48 bits")
        #expect(failure { $0[35 + 19] = 2 } == .stream, "the highest index is not used")
        #expect(failure { $0[35 + 12] = 1 } == .stream, "an index before 0 is used")
        #expect(failure { $0[35 + 20] = 65 } == .stream, "more packets than are counted")
        #expect(failure { $0[35 + 21 + 3] = 1 } == .stream, "an SSRC twice")
    }

    @Test("no bytes make the decoder trap, and what it takes it gives back")
    func mutated() {
        let failure = checkProperty(cases: 2_000) { random in
            let keys = MasterKey(SRTPProfile.allCases[random.int(in: 0...3)])
            var sender = keys.sender()
            for _ in 0..<random.int(in: 0...5) {
                let packet = TestPacket(
                    ssrc: UInt32(random.int(in: 1...3)), sequence: UInt16(truncatingIfNeeded: random.next()),
                    payload: [])
                _ = protect(&sender, packet)
            }
            let record = sender.record
            let bytes = record.bytes
            guard let same = try? SRTPRecord(bytes.rawSpan), same == record else { return "not taken back" }
            let damaged = mutate(bytes, using: &random)
            guard let other = try? SRTPRecord(damaged.rawSpan) else { return nil }
            if other.bytes != damaged { return "other bytes" }
            var next = SRTPReceiver(other)
            _ = unprotect(&next, damaged)
            return nil
        }
        #expect(failure == nil)
    }
}
