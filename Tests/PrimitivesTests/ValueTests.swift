// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@Suite("Values")
struct ValueTests {
    @Test(
        "address literals parse and print canonically",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("fe80::1:2:3:4", "fe80::1:2:3:4"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("::ffff:192.0.2.1", "::ffff:c000:201"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ])
    func literals(text: String, canonical: String) {
        #expect(TransportAddress(ip: text, port: 7)?.ipText == canonical)
    }

    @Test(
        "what is no literal is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "a.b.c.d", "host.local", "1..2.3", ":::", "1::2::3",
            "12345::", "::g", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "+1::2", "[::1]",
        ])
    func notLiterals(text: String) {
        #expect(TransportAddress(ip: text, port: 7) == nil)
    }

    @Test("every address survives printing and parsing")
    func addressRoundTrip() {
        let failure = checkProperty { random in
            let mask: UInt64 = random.fraction() < 0.5 ? 0xFFFF_0000_0000_FFFF : .max
            let address =
                random.fraction() < 0.5
                ? TransportAddress(ipv4: UInt32(truncatingIfNeeded: random.next()), port: 9)
                : TransportAddress(ipv6High: random.next() & mask, low: random.next() & mask, port: 9)
            return TransportAddress(ip: address.ipText, port: 9) == address ? nil : address.ipText
        }
        #expect(failure == nil)
    }

    @Test("private, link-local and loopback ranges are told apart")
    func ranges() throws {
        func address(_ text: String) throws -> TransportAddress { try #require(TransportAddress(ip: text, port: 1)) }
        for text in ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fec0::1", "fd00::1"] {
            #expect(try address(text).isPrivate, "\(text)")
        }
        for text in ["172.32.0.1", "11.0.0.1", "192.169.0.1", "2001:db8::1", "100.64.0.1"] {
            #expect(try !address(text).isPrivate, "\(text)")
        }
        #expect(try address("fe80::1").isLinkLocal)
        #expect(try address("169.254.1.1").isLinkLocal)
        #expect(try address("127.1.2.3").isLoopback)
        #expect(try address("::1").isLoopback)
        #expect(try !address("fd00::1").isSiteLocal)
    }

    @Test("a redacted address does not show the host")
    func redaction() throws {
        #expect(try #require(TransportAddress(ip: "203.0.113.77", port: 5)).redacted == "203.0.x.x:5")
        let text = try #require(TransportAddress(ip: "2001:db8:1:2:3:4:5:6", port: 5)).redacted
        #expect(text == "[2001:db8:x]:5")
    }

    @Test("unwrapped sequence numbers follow the stream across the wrap, in both directions")
    func unwrapping() {
        var unwrapper = SequenceUnwrapper()
        expect(unwrapper.unwrap(65_534) == 65_534)
        expect(unwrapper.unwrap(1) == 65_537)
        expect(unwrapper.unwrap(65_535) == 65_535)
        expect(unwrapper.highest == 65_537)
        expect(unwrapper.peek(2) == 65_538)
        expect(unwrapper.highest == 65_537)
    }

    @Test("sequence comparison is antisymmetric within half the space")
    func sequenceOrder() {
        let failure = checkProperty { random in
            let a = UInt16(truncatingIfNeeded: random.next())
            let b = UInt16(truncatingIfNeeded: random.next())
            guard a &- b != 0x8000 else { return nil }
            return SequenceNumber.delta(a, b) == -SequenceNumber.delta(b, a) ? nil : "\(a) \(b)"
        }
        #expect(failure == nil)
    }

    @Test("the writer puts the most significant byte first")
    func writer() {
        var writer = ByteWriter()
        writer.uint8(9)
        writer.uint16(0x1234)
        writer.uint32(0xDEAD_BEEF)
        writer.uint64(0x0102_0304_0506_0708)
        writer.patch16(0xABCD, at: 1)
        #expect(writer.bytes == [9, 0xAB, 0xCD, 0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test("the same seed gives the same numbers, another seed others")
    func randomness() {
        var a = Random(seed: 5)
        var b = Random(seed: 5)
        var c = Random(seed: 6)
        let first = a.bytes(32)
        expect(first == b.bytes(32))
        expect(first != c.bytes(32))
        for _ in 0..<1_000 where !(0..<1).contains(a.fraction()) { expect(false) }
    }

    @Test("the earlier of two moments, either missing")
    func earlierMoment() {
        let one = Timestamp(nanoseconds: 1)
        let two = Timestamp(nanoseconds: 2)
        expect(earlier(one, two) == one)
        expect(earlier(nil, two) == two)
        expect(earlier(one, nil) == one)
        expect(earlier(nil, nil) == nil)
        expect((two - one) * 3 == .nanoseconds(3))
    }
}
