// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP indices and contexts")
struct ReplayTests {
    /// Sealed packets 0…`count − 1` beginning at `first`.
    static func series(_ keys: MasterKey, first: UInt16, count: Int, ssrc: UInt32 = 1) -> [[UInt8]] {
        var sender = keys.sender()
        return (0..<count).compactMap {
            protect(
                &sender, TestPacket(ssrc: ssrc, sequence: first &+ UInt16($0), payload: [UInt8(truncatingIfNeeded: $0)])
            )
        }
    }

    @Test(
        "a packet 63 behind is accepted once, and one 64 behind is refused", arguments: Protection.common, [0, 65_500])
    func windowEdge(_ profile: Protection, first: UInt16) {
        let keys = MasterKey(profile)
        let packets = Self.series(keys, first: first, count: 101)
        var receiver = keys.receiver()
        #expect((try? unprotect(&receiver, packets[0]).get()) != nil)
        #expect((try? unprotect(&receiver, packets[100]).get()) != nil)
        #expect((try? unprotect(&receiver, packets[37]).get()) != nil)
        #expect(unprotect(&receiver, packets[37]) == .failure(.replay))
        #expect(unprotect(&receiver, packets[36]) == .failure(.replayOld))
        #expect(unprotect(&receiver, packets[100]) == .failure(.replay))
        #expect(receiver.counters.packets == 3)
        #expect(receiver.counters.replay == 2)
        #expect(receiver.counters.replayOld == 1)
    }

    @Test("an RTCP packet 63 behind is accepted once, and one 64 behind is refused", arguments: Protection.common)
    func controlWindowEdge(_ profile: Protection) {
        let keys = MasterKey(profile)
        var sender = keys.sender()
        let report = makeReport(ssrc: 1, rest: [1, 2, 3, 4])
        let packets = (0..<101).compactMap { _ in protectControl(&sender, report) }
        var receiver = keys.receiver()
        #expect(unprotectControl(&receiver, packets[100]) == .success(report))
        #expect(unprotectControl(&receiver, packets[37]) == .success(report))
        #expect(unprotectControl(&receiver, packets[37]) == .failure(.replay))
        #expect(unprotectControl(&receiver, packets[36]) == .failure(.replayOld))
    }

    @Test("the sender never seals an index a second time")
    func senderRefusesReuse() {
        let keys = MasterKey(.aeadAES128GCM)
        var sender = keys.sender()
        func seal(_ sequence: UInt16, _ sender: inout SRTPSender) -> Bool {
            protect(&sender, TestPacket(sequence: sequence, payload: [1])) != nil
        }
        #expect(seal(1_000, &sender))
        #expect(!seal(1_000, &sender))
        #expect(seal(1_100, &sender))
        #expect(seal(1_037, &sender), "63 behind and never sent")
        #expect(!seal(1_037, &sender))
        #expect(!seal(1_036, &sender), "64 behind: nobody knows")
        #expect(sender.counters.reused == 3)
        #expect(sender.counters.packets == 3)
    }

    @Test(
        "a first packet from the far side of a roll-over is opened, and so are those from before it",
        arguments: Protection.common)
    func firstAfterRollOver(_ profile: Protection) {
        let keys = MasterKey(profile)
        let packets = Self.series(keys, first: 65_530, count: 20)
        var receiver = keys.receiver()
        #expect((try? unprotect(&receiver, packets[10]).get()) != nil)
        #expect((try? unprotect(&receiver, packets[3]).get()) != nil)
        #expect((try? unprotect(&receiver, packets[11]).get()) != nil)
    }

    @Test("a young context finds its way over a gap of more than half the sequence space", arguments: Protection.common)
    func longGap(_ profile: Protection) throws {
        let keys = MasterKey(profile)
        var sender = keys.sender()
        var receiver = keys.receiver()
        var opened = 0
        for step in 0..<5 {
            let sequence = UInt16(truncatingIfNeeded: step * 20_000)
            let sealed = try #require(protect(&sender, TestPacket(sequence: sequence, payload: [9])))
            // 0, then 40,000 and 80,000: each 40,000 ahead.
            if step % 2 == 0, (try? unprotect(&receiver, sealed).get()) != nil { opened += 1 }
        }
        #expect(opened == 3)
    }

    @Test("forged packets leave no context and change nothing", arguments: Protection.common)
    func forged(_ profile: Protection) {
        let keys = MasterKey(profile)
        let packets = Self.series(keys, first: 10, count: 3)
        var receiver = keys.receiver()
        _ = unprotect(&receiver, packets[0])
        for ssrc in 2..<3_000 as Range<UInt32> {
            var forged = packets[1]
            forged.replaceSubrange(8..<12, with: [0, 0, UInt8(ssrc >> 8), UInt8(ssrc & 255)])
            #expect(unprotect(&receiver, forged) == .failure(.authentication))
            #expect(unprotectControl(&receiver, forged + forged) == .failure(.authentication))
        }
        #expect(receiver.contextCount == 1)
        #expect(receiver.controlContextCount == 0)
        // A forged sequence number far ahead must not move the window.
        var ahead = packets[2]
        ahead[2] = 0x30
        #expect(unprotect(&receiver, ahead) == .failure(.authentication))
        #expect((try? unprotect(&receiver, packets[1]).get()) != nil)
    }

    @Test("a refused packet is unchanged", arguments: Protection.common)
    func refusedIsUnchanged(_ profile: Protection) {
        let keys = MasterKey(profile)
        var packet = Self.series(keys, first: 10, count: 1)[0]
        packet[packet.count - 1] ^= 1
        let before = packet
        var receiver = keys.receiver()
        let result = packet.withUnsafeMutableBytes { receiver.unprotectRTP($0, headerBytes: 12) }
        #expect(result == .failure(.authentication))
        #expect(packet == before)
    }

    @Test("with 1,024 contexts the least recently used one makes room")
    func leastRecentlyUsed() {
        let keys = MasterKey(.aeadAES128GCM)
        var sender = keys.sender()
        var receiver = keys.receiver()
        func pass(_ ssrc: UInt32, _ sequence: UInt16) -> Bool {
            guard let sealed = protect(&sender, TestPacket(ssrc: ssrc, sequence: sequence, payload: [])) else {
                return false
            }
            return (try? unprotect(&receiver, sealed).get()) != nil
        }
        for ssrc in 1...1_024 as ClosedRange<UInt32> { #expect(pass(ssrc, 100)) }
        #expect(pass(1, 101))
        #expect(receiver.contextCount == SRTPLimits.contexts)
        #expect(receiver.counters.evictedContexts == 0)
        #expect(pass(5_000, 100))
        #expect(receiver.contextCount == SRTPLimits.contexts)
        #expect(receiver.counters.evictedContexts == 1)
        // SSRC 2 had to go, not 1: when 1 sends again nobody has to make room, when 2 does, somebody has to.
        #expect(pass(1, 102))
        #expect(receiver.counters.evictedContexts == 1)
        #expect(pass(2, 101))
        #expect(receiver.counters.evictedContexts == 2)
    }

    @Test("the sender refuses SSRCs beyond its limit instead of forgetting one")
    func senderLimit() {
        var sender = MasterKey(.aeadAES128GCM).sender()
        for ssrc in 1...UInt32(SRTPLimits.sendContexts) {
            guard protect(&sender, TestPacket(ssrc: ssrc, sequence: 1, payload: [])) != nil else {
                Issue.record("refused \(ssrc)")
                return
            }
        }
        #expect(protect(&sender, TestPacket(ssrc: 100_000, sequence: 1, payload: [])) == nil)
        #expect(sender.counters.contextsFull == 1)
        #expect(protect(&sender, TestPacket(ssrc: 7, sequence: 2, payload: [])) != nil)
    }

    @Test("the 31-bit SRTCP index ends: the last one is sealed, the one after it refused", arguments: Protection.common)
    func controlIndexEnd(_ profile: Protection) throws {
        let keys = MasterKey(profile)
        var sender = keys.sender()
        var receiver = keys.receiver()
        let almost = ReplayWindow(first: SRTPLimits.highestControlIndex - 1)
        sender.controlContexts.add(SSRCContext(window: almost, ssrc: 1))
        let report = makeReport(ssrc: 1, rest: [1, 2, 3, 4])
        let last = try #require(protectControl(&sender, report))
        #expect(unprotectControl(&receiver, last) == .success(report))
        #expect(protectControl(&sender, report) == nil)
        #expect(sender.controlCounters.exhausted == 1)
    }

    @Test("an index before the first or after the last possible one is never guessed")
    func ends() {
        var window = ReplayWindow(first: SRTPLimits.highestIndex - 1)
        #expect(window.estimate(0xFFFF) == SRTPLimits.highestIndex)
        window.use(SRTPLimits.highestIndex)
        #expect(window.estimate(0) == nil, "the next index would not fit in 48 bits")
        let low = ReplayWindow(first: 3)
        #expect(low.estimate(65_535) == nil, "before the first index there is none")
        #expect(low.estimate(2) == 2)
    }

    @Test("the replay window is a set of the last 64 indices")
    func windowModel() {
        let failure = checkProperty(cases: 300) { random in
            var window = ReplayWindow(first: 1_000)
            var used: Set<UInt64> = [1_000]
            for _ in 0..<200 {
                let highest = used.max() ?? 0
                let index = UInt64(max(0, Int(highest) + random.int(in: -100...(random.int(in: 0...9) == 0 ? 200 : 3))))
                let expected: ReplayWindow.Verdict =
                    index + 64 <= highest ? .old : used.contains(index) ? .seen : .fresh
                if window.verdict(index) != expected { return "\(index) at \(highest)" }
                if expected == .fresh {
                    window.use(index)
                    used.insert(index)
                }
            }
            return nil
        }
        #expect(failure == nil)
    }
}

@Suite("SRTP packets whose payload nobody wants")
struct UnwantedPayloadTests {
    @Test("they count for replay and roll-over, and forged ones are refused", arguments: Protection.common)
    func authenticated(_ profile: Protection) {
        let keys = MasterKey(profile)
        let packets = ReplayTests.series(keys, first: 65_400, count: 300)
        var receiver = keys.receiver()
        var isKnown = receiver.knows(1)
        #expect(!isKnown)
        func check(_ packet: [UInt8], _ receiver: inout SRTPReceiver) -> Result<Int, SRTPFailure> {
            var copy = packet
            return copy.withUnsafeMutableBytes { receiver.unprotectRTP($0, headerBytes: 12, decrypts: false) }
        }
        for (index, packet) in packets.enumerated() where index != 290 {
            var forged = packet
            forged[forged.count - 1] ^= 1
            #expect(check(forged, &receiver) == .failure(.authentication))
            #expect(check(packet, &receiver) == .success(13))
            #expect(check(packet, &receiver) == .failure(.replay))
        }
        isKnown = receiver.knows(1)
        #expect(isKnown)
        isKnown = receiver.knows(2)
        #expect(!isKnown)
        // Beyond the roll-over, and decrypted this time.
        #expect((try? unprotect(&receiver, packets[290]).get())?.last == UInt8(truncatingIfNeeded: 290))
    }
}
