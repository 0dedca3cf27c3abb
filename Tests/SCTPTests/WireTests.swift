// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import SCTP

@Suite("Wire formats")
struct WireTests {
    /// RFC 3720 appendix B.4.
    @Test(
        "CRC-32C vectors",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            ((0..<32).map { UInt8($0) }, 0x46DD_794E), ((0..<32).reversed().map { UInt8($0) }, 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
        ] as [([UInt8], UInt32)])
    func crc(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32c.of(bytes.rawSpan) == expected)
    }

    @Test("CRC-32C eight bytes at a time is that of one at a time, and the checksum field counts as zero")
    func crcProperty() {
        let failure = checkProperty(cases: 300) { random in
            var bytes = random.bytes(random.int(in: 12...200))
            var slow = UInt32.max
            for (index, byte) in bytes.enumerated() {
                slow ^= UInt32((8..<12).contains(index) ? 0 : byte)
                for _ in 0..<8 { slow = slow & 1 == 1 ? (slow >> 1) ^ 0x82F6_3B78 : slow >> 1 }
            }
            let before = CRC32c.ofPacket(bytes.rawSpan)
            guard before == ~slow else { return "\(bytes.count) bytes" }
            for index in 8..<12 { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            return CRC32c.ofPacket(bytes.rawSpan) == before ? nil : "the field counts"
        }
        #expect(failure == nil)
    }

    /// The reference implementation's first vectors: key 00…0f, input 00, 01, 02 ….
    @Test("SipHash-2-4 vectors")
    func sipHash() {
        let key = SipHash(key0: 0x0706_0504_0302_0100, key1: 0x0F0E_0D0C_0B0A_0908)
        let inputs = [0, 1, 7, 8, 15].map { count in (0..<count).map { UInt8($0) } }
        let hashes = inputs.map { key.hash($0.rawSpan) }
        #expect(
            hashes == [
                0x726F_DB47_DD0E_0E31, 0x74F8_39C5_93DC_67FD, 0xAB02_00F5_8B01_D137, 0x93F5_F579_9A93_2462,
                0xA129_CA61_49BE_45E5,
            ])
    }

    @Test("a cookie comes back as it went, and only with its key")
    func cookie() {
        let failure = checkProperty(cases: 300) { random in
            let key = SipHash(key0: random.next(), key1: random.next())
            func initiation() -> Initiation {
                var made = Initiation(
                    tag: UInt32(truncatingIfNeeded: random.next()), window: UInt32(truncatingIfNeeded: random.next()),
                    streams: UInt16(truncatingIfNeeded: random.next()),
                    initialTSN: UInt32(truncatingIfNeeded: random.next()))
                made.features = PeerFeatures(rawValue: UInt8(random.int(in: 0...7)))
                return made
            }
            let cookie = StateCookie(
                created: Timestamp(nanoseconds: Int64(random.int(in: 0...1_000_000_000_000))), local: initiation(),
                peer: initiation(), tieLocalTag: UInt32(truncatingIfNeeded: random.next()),
                tiePeerTag: UInt32(truncatingIfNeeded: random.next()))
            let encoded = cookie.encoded(key: key)
            guard encoded.count == StateCookie.bytes, StateCookie(encoded.rawSpan, key: key) == cookie else {
                return "\(cookie)"
            }
            return StateCookie(encoded.rawSpan, key: SipHash(key0: 1, key1: 2)) == nil ? nil : "any key does"
        }
        #expect(failure == nil)
    }

    @Test("what an INIT says is read again, and what is damaged never traps")
    func initiation() {
        let failure = checkProperty { random in
            var made = Initiation(
                tag: UInt32(random.int(in: 1...1_000_000)), window: UInt32(truncatingIfNeeded: random.next()),
                streams: UInt16(random.int(in: 1...65_535)), initialTSN: UInt32(truncatingIfNeeded: random.next()))
            made.cookie = random.bytes(random.int(in: 1...100))
            let encoded = made.encoded(offersZeroChecksum: random.fraction() < 0.5)
            guard let read = Initiation(encoded.rawSpan) else { return "not read" }
            guard read.tag == made.tag, read.window == made.window, read.initialTSN == made.initialTSN,
                read.cookie == made.cookie, read.features.contains([.partialReliability, .reconfiguration])
            else { return "\(read)" }
            _ = Initiation(mutate(encoded, using: &random).rawSpan)
            return nil
        }
        #expect(failure == nil)
    }

    @Test("TSNs widen to the nearest, over the wrap in both directions")
    func widening() {
        #expect(TSN.widen(5, near: TSN.first(3)) == TSN.first(5))
        #expect(TSN.widen(2, near: TSN.first(.max)) == TSN.first(.max) + 3)
        #expect(TSN.widen(.max, near: TSN.first(1)) == TSN.first(1) - 2)
        let failure = checkProperty { random in
            let near = (1 << 32) + random.next() >> 20
            let distance = Int64(random.int(in: -0x7FFF_FFFF...0x7FFF_FFFF))
            let tsn = UInt64(Int64(near) + distance)
            return TSN.widen(TSN.wire(tsn), near: near) == tsn ? nil : "\(near) \(distance)"
        }
        #expect(failure == nil)
    }
}
