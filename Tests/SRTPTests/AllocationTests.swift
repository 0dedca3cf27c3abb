// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP allocations")
struct AllocationTests {
    @Test("100,000 packets are sealed and opened without an allocation", arguments: Protection.common)
    func packetPath(_ profile: Protection) {
        let keys = MasterKey(profile)
        var sender = keys.sender()
        var receiver = keys.receiver()
        let template = TestPacket(sequence: 0, payload: [UInt8](repeating: 7, count: 100))
        let report = makeReport(ssrc: 9, rest: [UInt8](repeating: 1, count: 24))
        var slot = template.header + [UInt8](repeating: 0, count: 200)
        var refused = 0
        func pass(_ number: Int) {
            slot.withUnsafeMutableBytes { slot in
                slot[2] = UInt8(truncatingIfNeeded: number >> 8)
                slot[3] = UInt8(truncatingIfNeeded: number)
                slot[11] = UInt8(truncatingIfNeeded: number % 5)
                template.payload.withUnsafeBytes { payload in
                    let length = sender.protectRTP(slot: slot, headerBytes: 12, payload: payload)
                    let sealed = UnsafeMutableRawBufferPointer(rebasing: slot[..<(length ?? 0)])
                    if case .failure = receiver.unprotectRTP(sealed, headerBytes: 12) { refused += 1 }
                }
            }
        }
        var controlSlot = [UInt8](repeating: 0, count: 100)
        func passControl() {
            report.withUnsafeBytes { report in
                controlSlot.withUnsafeMutableBytes { slot in
                    let length = sender.protectRTCP(report, into: slot)
                    let sealed = UnsafeMutableRawBufferPointer(rebasing: slot[..<(length ?? 0)])
                    if case .failure = receiver.unprotectRTCP(sealed) { refused += 1 }
                }
            }
        }
        for number in 0..<100 { pass(number) }
        passControl()
        let allocations = countAllocations {
            for number in 100..<100_100 {
                pass(number)
                if number % 10 == 0 { passControl() }
            }
        }
        #expect(allocations == 0)
        #expect(refused == 0)
        #expect(receiver.counters.packets == 100_100)
    }

    @Test("forged packets are refused without an allocation", arguments: Protection.common)
    func refusals(_ profile: Protection) {
        var receiver = MasterKey(profile).receiver()
        var packet = TestPacket(sequence: 5, payload: [UInt8](repeating: 3, count: 200)).bytes
        var refused = 0
        func pass(_ number: Int) {
            packet.withUnsafeMutableBytes { bytes in
                bytes[9] = UInt8(truncatingIfNeeded: number >> 8)
                bytes[10] = UInt8(truncatingIfNeeded: number)
                if case .failure(.authentication) = receiver.unprotectRTP(bytes, headerBytes: 12) { refused += 1 }
                if case .failure(.authentication) = receiver.unprotectRTCP(bytes) { refused += 1 }
            }
        }
        pass(0)
        let allocations = countAllocations { for number in 1..<5_000 { pass(number) } }
        #expect(allocations == 0)
        #expect(refused == 10_000)
    }

    @Test("100,000 packets are sealed by handle in batches without an allocation", arguments: Protection.common)
    func batches(_ profile: Protection) {
        var sender = MasterKey(profile).sender()
        var queue = SealQueue(profile.engine)
        guard let stream = handle(&sender, 0x1234_5678) else {
            Issue.record("no handle")
            return
        }
        let template = TestPacket(sequence: 0, payload: [UInt8](repeating: 7, count: 100))
        var slots = [UInt8](repeating: 0, count: 40 * 128)
        for slot in 0..<40 { slots.replaceSubrange(slot * 128..<slot * 128 + 12, with: template.header) }
        var refused = 0
        func turn(_ number: Int) {
            slots.withUnsafeMutableBytes { slots in
                template.payload.withUnsafeBytes { payload in
                    for index in 0..<40 {
                        let sequence = UInt16(truncatingIfNeeded: number * 40 + index)
                        slots.storeBytes(of: sequence.bigEndian, toByteOffset: index * 128 + 2, as: UInt16.self)
                        let slot = UnsafeMutableRawBufferPointer(rebasing: slots[index * 128..<(index + 1) * 128])
                        let length = sender.protectRTP(
                            stream, slot: slot, headerBytes: 12, payload: payload, into: &queue)
                        if length == nil { refused += 1 }
                    }
                }
                refused += queue.finish()
            }
        }
        turn(0)
        let allocations = countAllocations { for number in 1...2_500 { turn(number) } }
        #expect(allocations == 0)
        #expect(refused == 0)
    }
}
