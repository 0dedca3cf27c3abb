// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import IPsecMB
import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP engines")
struct EngineTests {
    @Test("every engine of this machine passes the self-test", arguments: engines)
    func selfTest(_ engine: SRTPEngine) {
        #expect(EngineSelfTest.passes(engine))
        #expect(EngineSelfTest.vectors.count == 6)
    }

    @Test("without libipsec-mb EVP is chosen, and the reason told")
    func absent() throws {
        let selection = try SRTPEngineSelection(.automatic, library: .failure(.notFound))
        #expect(selection.engine.name == "evp")
        #expect(selection.reason == IPsecMBError.notFound.description)
    }

    @Test("libipsec-mb forced and absent is an error that names the reason", arguments: IPsecMBError.allCases)
    func forcedAndAbsent(_ error: IPsecMBError) {
        #expect(throws: SRTPEngineError.unusable(error.description)) {
            try SRTPEngineSelection(.ipsecMB, library: .failure(error))
        }
        #expect(SRTPEngineError.unusable(error.description).description.contains(error.description))
        #expect(SRTPEngineError.noneWorks.description.contains("OpenSSL"))
    }

    @Test("EVP can be forced where libipsec-mb is")
    func forcedEVP() throws {
        let selection = try SRTPEngineSelection(.evp)
        #expect(selection.engine.name == "evp")
        #expect(selection.engine.description == "OpenSSL EVP")
        #expect(selection.reason != nil)
    }

    #if arch(x86_64)
    @Test(
        "libipsec-mb is chosen where it is", .enabled(if: engines.count == 2, "no libipsec-mb: run make bootstrap"),
        arguments: [SRTPEngineChoice.automatic, .ipsecMB])
    func present(_ choice: SRTPEngineChoice) throws {
        let selection = try SRTPEngineSelection(choice)
        #expect(selection.engine.name == "ipsec-mb")
        #expect(selection.engine.description.hasPrefix("libipsec-mb 1."))
        #expect(selection.reason == nil)
    }
    #endif

    @Test("libsrtp2 opens packets sealed in batches of any size, also larger than the queue", arguments: Protection.all)
    func batches(_ protection: Protection) {
        let failure = checkProperty(cases: 12, seed: UInt64(protection.rawValue) * 1_000) { random in
            let keys = MasterKey(protection, seed: random.next())
            var sender = keys.sender()
            var queue = SealQueue(protection.engine)
            let oracle = keys.oracle(.receiver)
            var sequence = UInt16(truncatingIfNeeded: random.next())
            guard let stream = handle(&sender, 0x1234_5678) else { return "no handle" }
            for _ in 0..<6 {
                let packets = (0..<random.int(in: 1...100)).map { _ in
                    sequence &+= 1
                    return TestPacket.random(sequence, &random)
                }
                var slots = [UInt8](repeating: 0xEE, count: packets.count * 1_500)
                var lengths: [Int?] = []
                slots.withUnsafeMutableBytes { slots in
                    for (number, packet) in packets.enumerated() {
                        // The slot ends where the packet does: a byte too many would be seen in the next one.
                        let end = packet.bytes.count + keys.profile.rtpTagBytes
                        let slot = UnsafeMutableRawBufferPointer(rebasing: slots[number * 1_500..<number * 1_500 + end])
                        slot.copyBytes(from: packet.header)
                        var payload = packet.payload
                        payload.withUnsafeBytes {
                            lengths.append(
                                sender.protectRTP(
                                    stream, slot: slot, headerBytes: packet.header.count, payload: $0, into: &queue))
                        }
                        // The payload may go.
                        _ = payload.withUnsafeMutableBytes { $0.initializeMemory(as: UInt8.self, repeating: 0) }
                    }
                    queue.finish()
                }
                for (number, packet) in packets.enumerated() {
                    guard let length = lengths[number] else { return "refused" }
                    let slot = slots[number * 1_500..<(number + 1) * 1_500]
                    if !slot.dropFirst(length).allSatisfy({ $0 == 0xEE }) { return "wrote behind its slot" }
                    if (try? oracle.unprotectRTP(Array(slot.prefix(length)))) != packet.bytes { return "not opened" }
                }
            }
            return queue.failures == 0 && queue.count == 0 ? nil : "failures"
        }
        #expect(failure == nil)
    }

    @Test("a sender whose engine is not the queue's seals at once", arguments: Protection.all)
    func otherQueue(_ protection: Protection) throws {
        for engine in engines {
            var plain = MasterKey(protection.profile).sender()
            var sender = MasterKey(protection).sender()
            var queue = SealQueue(engine)
            let own = try #require(handle(&sender, 0x1234_5678))
            for sequence in 1...5 as ClosedRange<UInt16> {
                let packet = TestPacket(sequence: sequence, payload: [1, 2, 3])
                #expect(protect(&sender, own, packet, &queue) == protect(&plain, packet))
            }
        }
    }

    @Test("the sender may go before its packets are finished", arguments: Protection.common)
    func senderGoes(_ protection: Protection) throws {
        var queue = SealQueue(protection.engine)
        let packet = TestPacket(sequence: 1, payload: [UInt8](repeating: 5, count: 100))
        var slot = packet.header + [UInt8](repeating: 0, count: 116)
        let length = slot.withUnsafeMutableBytes { slot in
            var sender = MasterKey(protection).sender()
            let stream = sender.handle(for: 0x1234_5678)
            let length = packet.payload.withUnsafeBytes { payload in
                stream.flatMap {
                    sender.protectRTP($0, slot: slot, headerBytes: 12, payload: payload, into: &queue)
                }
            }
            // Ends the sender.
            sender = MasterKey(protection, seed: 99).sender()
            queue.finish()
            return length
        }
        var receiver = MasterKey(protection).receiver()
        #expect(unprotect(&receiver, Array(slot.prefix(try #require(length)))) == .success(packet.bytes))
    }
}
