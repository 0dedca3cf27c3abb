// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP contexts that made room")
struct EvictionTests {
    private let keys = MasterKey(.aeadAES128GCM)

    /// A packet of `ssrc`, opened.
    private func pass(
        _ sender: inout SRTPSender, _ receiver: inout SRTPReceiver, _ ssrc: UInt32, _ sequence: UInt16
    ) -> Result<[UInt8], SRTPFailure> {
        guard let sealed = protect(&sender, TestPacket(ssrc: ssrc, sequence: sequence, payload: [])) else {
            return .failure(.cipher)
        }
        return unprotect(&receiver, sealed)
    }

    /// Fills the receiver with other SSRCs until 1 had to go.
    private func crowdOut(_ sender: inout SRTPSender, _ receiver: inout SRTPReceiver, from first: UInt32 = 10_000) {
        for ssrc in first..<first + UInt32(SRTPLimits.contexts) { _ = pass(&sender, &receiver, ssrc, 1) }
    }

    @Test("an SSRC whose roll-over counter is 2 comes back after it had to make room")
    func comesBack() throws {
        var sender = keys.sender()
        var receiver = keys.receiver()
        // 0, 20,000, …, 160,000: the counter is 2 at the end.
        for step in 0..<9 {
            #expect((try? pass(&sender, &receiver, 1, UInt16(truncatingIfNeeded: step * 20_000)).get()) != nil)
        }
        let late = try #require(protect(&sender, TestPacket(ssrc: 1, sequence: 28_990, payload: [])))
        let last = try #require(protect(&sender, TestPacket(ssrc: 1, sequence: 29_000, payload: [])))
        #expect((try? unprotect(&receiver, last).get()) != nil)
        crowdOut(&sender, &receiver)
        #expect(receiver.contextCount == SRTPLimits.contexts)
        #expect(receiver.evictedContextCount == 1)
        #expect(receiver.counters.evictedContexts == 1)

        #expect(unprotect(&receiver, last) == .failure(.replay), "what was accepted before is known")
        #expect(receiver.evictedContextCount == 1, "a refused packet changes nothing")
        #expect((try? pass(&sender, &receiver, 1, 29_001).get()) != nil)
        #expect((try? unprotect(&receiver, late).get()) != nil, "late, and never seen")
        #expect(receiver.contextCount == SRTPLimits.contexts)
        #expect(receiver.evictedContextCount == 1, "it is back, and another one had to go")
        #expect(receiver.counters.evictedContexts == 2)
    }

    @Test("forged packets do not bring a remembered SSRC back")
    func forged() throws {
        var sender = keys.sender()
        var receiver = keys.receiver()
        _ = pass(&sender, &receiver, 1, 5)
        crowdOut(&sender, &receiver)
        var packet = try #require(protect(&sender, TestPacket(ssrc: 1, sequence: 6, payload: [])))
        packet[12] ^= 1
        #expect(unprotect(&receiver, packet) == .failure(.authentication))
        #expect(receiver.counters.evictedContexts == 1)
        #expect(receiver.evictedContextCount == 1)
    }

    @Test("an RTCP packet is not accepted a second time after its SSRC had to make room")
    func control() throws {
        var sender = keys.sender()
        var receiver = keys.receiver()
        let first = try #require(protectControl(&sender, makeReport(ssrc: 1, rest: [])))
        #expect((try? unprotectControl(&receiver, first).get()) != nil)
        for ssrc in 10_000..<10_000 + UInt32(SRTPLimits.contexts) {
            let report = try #require(protectControl(&sender, makeReport(ssrc: ssrc, rest: [])))
            #expect((try? unprotectControl(&receiver, report).get()) != nil)
        }
        #expect(receiver.controlCounters.evictedContexts == 1)
        #expect(unprotectControl(&receiver, first) == .failure(.replay))
        let second = try #require(protectControl(&sender, makeReport(ssrc: 1, rest: [])))
        #expect((try? unprotectControl(&receiver, second).get()) != nil)
    }

    @Test("the memory has a limit, and forgets what was put in first")
    func limit() {
        var contexts = ReceiveContexts(limit: 4, evicted: 8)
        for ssrc in 1...20 as ClosedRange<UInt32> {
            let evicts = contexts.add(SSRCContext(window: ReplayWindow(first: UInt64(ssrc)), ssrc: ssrc))
            #expect(evicts == (ssrc > 4))
        }
        #expect(contexts.count == 4)
        #expect(contexts.evictedCount == 8)
        for ssrc in 1...20 as ClosedRange<UInt32> {
            #expect(contexts.find(ssrc)?.context.window.highest == (ssrc > 8 ? UInt64(ssrc) : nil))
        }
    }

    @Test("another bridge may send some 3,500 SSRCs, and each keeps its context")
    func relay() {
        let settings = SRTPSettings(role: .relay)
        var sender = SRTPSender(profile: keys.profile, key: keys.key, salt: keys.salt, settings: settings)
        var receiver = SRTPReceiver(profile: keys.profile, key: keys.key, salt: keys.salt, settings: settings)
        for round in 1...2 as ClosedRange<UInt16> {
            for ssrc in 1...3_500 as ClosedRange<UInt32> {
                #expect((try? pass(&sender, &receiver, ssrc, round).get()) != nil)
            }
        }
        #expect(receiver.contextCount == 3_500)
        #expect(receiver.counters.evictedContexts == 0)
    }

    @Test("the table behaves like a list in order of use")
    func tableModel() {
        let failure = checkProperty(cases: 200) { random in
            let limit = random.int(in: 1...40)
            var table = ContextTable(limit: limit)
            var model: [SSRCContext] = []
            for step in 0..<300 {
                let ssrc = UInt32(random.int(in: 1...60))
                let position = model.firstIndex { $0.ssrc == ssrc }
                switch (table.place(of: ssrc), position) {
                case (nil, nil):
                    if !table.hasRoom, let oldest = table.leastRecentlyUsed {
                        if table.remove(oldest) != model.removeFirst() { return "another one had to go" }
                    }
                    let context = SSRCContext(window: ReplayWindow(first: UInt64(step)), ssrc: ssrc)
                    let place = table.add(context)
                    model.append(context)
                    if !table.holds(ssrc, at: place) { return "not where it was put" }
                case (let place?, let position?):
                    if table[place] != model[position] { return "another context" }
                    let moved = model.remove(at: position)
                    if random.int(in: 0...3) == 0 {
                        table.remove(place)
                    } else {
                        table.touch(place)
                        model.append(moved)
                    }
                default: return "\(ssrc) is known to one of them only"
                }
                var order: [SSRCContext] = []
                table.forEach { order.append($0) }
                if order != model || table.count != model.count { return "another order in step \(step)" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
