// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP packets sealed again under their number")
struct RepeatTests {
    private func protectAgain(_ sender: inout SRTPSender, _ packet: TestPacket) -> [UInt8]? {
        var slot = packet.header + [UInt8](repeating: 0xEE, count: packet.payload.count + SRTPSender.maxOverhead)
        let length = slot.withUnsafeMutableBytes { slot in
            packet.payload.withUnsafeBytes {
                sender.protectRepeat(slot: slot, headerBytes: packet.header.count, payload: $0)
            }
        }
        return length.map { Array(slot.prefix($0)) }
    }

    private func isAllowed(_ sender: borrowing SRTPSender) -> Bool { sender.canRepeat() }

    @Test("with AES-GCM nothing is sealed twice, whatever it is", arguments: Protection.all)
    func profiles(_ profile: Protection) throws {
        var sender = MasterKey(profile).sender()
        var receiver = MasterKey(profile).receiver()
        let packet = TestPacket(sequence: 9, payload: [1, 2, 3])
        let first = try #require(protect(&sender, packet))
        let again = protectAgain(&sender, packet)
        let allowed = isAllowed(sender)
        #expect(allowed == !profile.isAEAD)
        if profile.isAEAD {
            #expect(again == nil)
            #expect(sender.counters.reused == 1)
        } else {
            // The same packet; who has missed the first opens the second.
            #expect(again == first)
            #expect(unprotect(&receiver, try #require(again)) == .success(packet.bytes))
            #expect(sender.counters.packets == 2)
        }
    }

    @Test("a shorter payload and another header give the same ciphertext as far as it goes, and a tag of their own")
    func shorter() throws {
        let keys = MasterKey(.aes128CMHMACSHA1_80)
        var sender = keys.sender()
        var receiver = keys.receiver()
        let long = TestPacket(sequence: 9, payload: [1, 2, 3, 4, 0, 0, 3])
        var short = TestPacket(sequence: 9, payload: [1, 2, 3, 4], extensionWords: 1)
        short.header[1] |= 0x80
        let first = try #require(protect(&sender, long))
        let again = try #require(protectAgain(&sender, short))
        #expect(again[short.header.count..<short.header.count + 4] == first[long.header.count..<long.header.count + 4])
        #expect(unprotect(&receiver, again, headerBytes: short.header.count) == .success(short.bytes))
    }

    @Test("only what was sealed is sealed again: no number that is free, no stream that is unknown")
    func free() throws {
        var sender = MasterKey(.aes128CMHMACSHA1_80).sender()
        #expect(protectAgain(&sender, TestPacket(sequence: 9, payload: [1])) == nil)
        #expect(sender.contextCount == 0)
        _ = try #require(handle(&sender, 0x1234_5678))
        #expect(protectAgain(&sender, TestPacket(sequence: 9, payload: [1])) == nil)
        #expect(protect(&sender, TestPacket(sequence: 9, payload: [1])) != nil)
        for free in [8, 10] as [UInt16] {
            #expect(protectAgain(&sender, TestPacket(sequence: free, payload: [1])) == nil)
        }
        #expect(sender.counters.reused == 4)
        // And the free ones are still free.
        for free in [8, 10] as [UInt16] { #expect(protect(&sender, TestPacket(sequence: free, payload: [1])) != nil) }
    }

    @Test("across a roll-over a repeat gets the index that its number had")
    func rollOver() throws {
        let keys = MasterKey(.aes128CMHMACSHA1_80)
        var sender = keys.sender()
        var receiver = keys.receiver()
        let lost = TestPacket(sequence: 65_530, payload: [7, 7])
        for sequence in 65_500...65_535 as ClosedRange<UInt16> {
            let packet = TestPacket(sequence: sequence, payload: [1])
            let sealed = try #require(protect(&sender, sequence == 65_530 ? lost : packet))
            if sequence != 65_530 { #expect(unprotect(&receiver, sealed) == .success(packet.bytes)) }
        }
        for sequence in 0..<40 as Range<UInt16> {
            let packet = TestPacket(sequence: sequence, payload: [1])
            #expect(unprotect(&receiver, try #require(protect(&sender, packet))) == .success(packet.bytes))
        }
        #expect(unprotect(&receiver, try #require(protectAgain(&sender, lost))) == .success(lost.bytes))
    }

    @Test("a slot that is too short is refused")
    func shortSlot() throws {
        var sender = MasterKey(.aes128CMHMACSHA1_80).sender()
        let packet = TestPacket(sequence: 1, payload: [1, 2, 3])
        #expect(protect(&sender, packet) != nil)
        var slot = packet.header + [UInt8](repeating: 0, count: 3 + 9)
        let length = slot.withUnsafeMutableBytes { slot in
            packet.payload.withUnsafeBytes {
                sender.protectRepeat(slot: slot, headerBytes: packet.header.count, payload: $0)
            }
        }
        #expect(length == nil)
        #expect(sender.counters.tooShort == 1)
    }
}
