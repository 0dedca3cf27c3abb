// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP stream handles")
struct HandleTests {
    @Test("packets sealed by handle are those sealed without", arguments: Protection.all)
    func same(_ profile: Protection) throws {
        let keys = MasterKey(profile)
        var plain = MasterKey(profile.profile).sender()
        var sender = keys.sender()
        var queue = SealQueue(profile.engine)
        var handles: [SRTPSender.StreamHandle] = []
        for ssrc in 1...3 as ClosedRange<UInt32> { handles.append(try #require(handle(&sender, ssrc))) }
        #expect(sender.contextCount == 3)
        var random = Random(seed: 3)
        var sequence: UInt16 = 65_000
        for _ in 0..<200 {
            let ssrc = UInt32(random.int(in: 1...3))
            let packet = TestPacket.random(sequence, ssrc: ssrc, &random)
            #expect(
                protect(&sender, handles[Int(ssrc) - 1], packet, &queue) == protect(&plain, packet), "\(sequence)")
            sequence &+= 7
        }
        #expect(sender.counters == plain.counters)
        #expect(sender.contextCount == 3)
    }

    @Test("a handle of another sender, or for another SSRC, costs a look-up and seals the right stream")
    func foreign() throws {
        let keys = MasterKey(.aeadAES128GCM)
        var other = keys.sender()
        var foreign = try #require(handle(&other, 1))
        for ssrc in 2...20 as ClosedRange<UInt32> { foreign = try #require(handle(&other, ssrc)) }
        var queue = SealQueue(.evp)
        var plain = keys.sender()
        var sender = keys.sender()
        let own = try #require(handle(&sender, 1))
        for ssrc in [5, 20, 1, 5] as [UInt32] {
            for (stream, sequence) in [(foreign, UInt16(1)), (own, 2)] {
                let packet = TestPacket(ssrc: ssrc, sequence: sequence, payload: [1, 2])
                #expect(protect(&sender, stream, packet, &queue) == protect(&plain, packet))
            }
        }
        #expect(sender.counters == plain.counters)
        #expect(sender.counters.reused == 2)
        #expect(sender.contextCount == 3)
    }

    @Test("an index sealed by handle is not sealed again, with or without")
    func reuse() throws {
        let keys = MasterKey(.aeadAES128GCM)
        var sender = keys.sender()
        var queue = SealQueue(.evp)
        let own = try #require(handle(&sender, 1))
        let packet = TestPacket(ssrc: 1, sequence: 9, payload: [1])
        #expect(protect(&sender, own, packet, &queue) != nil)
        #expect(protect(&sender, own, packet, &queue) == nil)
        let again = protect(&sender, packet)
        #expect(again == nil)
        #expect(sender.counters.reused == 2)
    }

    @Test("a stream may begin at any number, also one behind half the sequence space")
    func firstNumber() throws {
        let keys = MasterKey(.aeadAES128GCM)
        for first in [0, 1, 32_768, 65_535] as [UInt16] {
            var sender = keys.sender()
            var receiver = keys.receiver()
            var queue = SealQueue(.evp)
            let own = try #require(handle(&sender, 1))
            for sequence in [first, first &+ 1] {
                let packet = TestPacket(ssrc: 1, sequence: sequence, payload: [1])
                let sealed = try #require(protect(&sender, own, packet, &queue))
                #expect(unprotect(&receiver, sealed) == .success(packet.bytes))
            }
        }
    }

    @Test("with all contexts taken there is no further handle, and the refusal is counted")
    func full() throws {
        var sender = MasterKey(.aeadAES128GCM).sender()
        for ssrc in 1...UInt32(SRTPLimits.sendContexts) { _ = try #require(handle(&sender, ssrc)) }
        #expect(handle(&sender, 100_000) == nil)
        #expect(sender.counters.contextsFull == 1)
        #expect(handle(&sender, 7) != nil)
    }

    @Test("a slot that is too short is refused before anything is written", arguments: Protection.common)
    func shortSlot(_ profile: Protection) throws {
        var sender = MasterKey(profile).sender()
        var queue = SealQueue(.evp)
        let own = try #require(handle(&sender, 0x1234_5678))
        let packet = TestPacket(sequence: 1, payload: [1, 2, 3])
        var slot = packet.header + [UInt8](repeating: 0, count: 3 + profile.rtpTagBytes - 1)
        let before = slot
        let length = slot.withUnsafeMutableBytes { slot in
            packet.payload.withUnsafeBytes {
                sender.protectRTP(own, slot: slot, headerBytes: 12, payload: $0, into: &queue)
            }
        }
        #expect(length == nil)
        #expect(slot == before)
        #expect(sender.counters.tooShort == 1)
    }
}
