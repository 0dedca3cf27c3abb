// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import SRTP
import TestSupport
import Testing

@Suite("SRTP with hostile input")
struct HostileInputTests {
    @Test("no bytes make the receiver trap or let it accept", arguments: Protection.common)
    func randomBytes(_ profile: Protection) {
        let keys = MasterKey(profile)
        let failure = checkProperty(cases: 3_000) { random in
            var receiver = keys.receiver()
            let bytes = random.bytes(random.int(in: 0...80))
            if case .success = unprotect(&receiver, bytes, headerBytes: random.int(in: -5...90)) { return "accepted" }
            if case .success = unprotectControl(&receiver, bytes) { return "accepted as RTCP" }
            return receiver.contextCount == 0 && receiver.counters.refused == 1 ? nil : "kept something"
        }
        #expect(failure == nil)
    }

    @Test("a damaged packet is refused and does no harm to the next one", arguments: Protection.common)
    func mutated(_ profile: Protection) {
        let keys = MasterKey(profile)
        var sender = keys.sender()
        var receiver = keys.receiver()
        var sequence: UInt16 = 65_000
        let failure = checkProperty(cases: 2_000) { random in
            sequence &+= 1
            let packet = TestPacket(sequence: sequence, payload: random.bytes(random.int(in: 0...60)))
            let report = makeReport(ssrc: 5, rest: random.bytes(20))
            guard let sealed = protect(&sender, packet), let control = protectControl(&sender, report) else {
                return "refused to seal"
            }
            let damaged = mutate(sealed, using: &random)
            if damaged != sealed, case .success = unprotect(&receiver, damaged) { return "accepted \(damaged)" }
            let damagedControl = mutate(control, using: &random)
            if damagedControl != control, case .success = unprotectControl(&receiver, damagedControl) {
                return "accepted RTCP \(damagedControl)"
            }
            if unprotect(&receiver, sealed) != .success(packet.bytes) { return "lost the good packet" }
            if unprotectControl(&receiver, control) != .success(report) { return "lost the good RTCP packet" }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("the shortest packets pass and one byte less is refused", arguments: Protection.common)
    func shortest(_ profile: Protection) throws {
        let keys = MasterKey(profile)
        var sender = keys.sender()
        var receiver = keys.receiver()
        let sealed = try #require(protect(&sender, TestPacket(sequence: 1, payload: [])))
        #expect(sealed.count == 12 + profile.rtpTagBytes)
        #expect(unprotect(&receiver, Array(sealed.dropLast())) == .failure(.tooShort))
        #expect(unprotect(&receiver, sealed, headerBytes: 13) == .failure(.tooShort))
        #expect(unprotect(&receiver, sealed) == .success(Array(sealed.prefix(12))))
        let report = makeReport(ssrc: 1, rest: [])
        let control = try #require(protectControl(&sender, report))
        #expect(control.count == 8 + 4 + profile.rtcpTagBytes)
        #expect(unprotectControl(&receiver, Array(control.dropLast())) == .failure(.tooShort))
        #expect(unprotectControl(&receiver, control) == .success(report))
    }

    @Test("a slot that is too short is refused before anything is written", arguments: Protection.common)
    func shortSlot(_ profile: Protection) {
        var sender = MasterKey(profile).sender()
        let packet = TestPacket(sequence: 1, payload: [1, 2, 3])
        var slot = packet.header + [UInt8](repeating: 0, count: 3 + profile.rtpTagBytes - 1)
        let before = slot
        let length = slot.withUnsafeMutableBytes { slot in
            packet.payload.withUnsafeBytes { sender.protectRTP(slot: slot, headerBytes: 12, payload: $0) }
        }
        #expect(length == nil)
        #expect(slot == before)
        var control = [UInt8](repeating: 0, count: 8 + 4 + profile.rtcpTagBytes - 1)
        let controlLength = control.withUnsafeMutableBytes { slot in
            makeReport(ssrc: 1, rest: []).withUnsafeBytes { sender.protectRTCP($0, into: slot) }
        }
        #expect(controlLength == nil)
        #expect(sender.counters.tooShort == 1)
        #expect(sender.controlCounters.tooShort == 1)
    }
}
