// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@Suite("RTPHeader")
struct RTPHeaderTests {
    @Test("the fixed header of RFC 3550 5.1 is read")
    func fixedHeader() throws {
        let packet = [UInt8](hex: "80 e4 12 34 de ad be ef ca fe ba be 01 02 03")
        let header = try RTPHeader(packet.rawSpan)
        #expect(header.marker)
        #expect(header.payloadType == 100)
        #expect(header.sequence == 0x1234)
        #expect(header.timestamp == 0xDEAD_BEEF)
        #expect(header.ssrc == 0xCAFE_BABE)
        #expect(header.csrcCount == 0)
        #expect(!header.hasPadding)
        #expect(header.headerByteCount == 12)
        #expect(header.extensionByteCount == 0)
        #expect(RTPHeader.headerByteCount(packet.rawSpan) == 12)
    }

    @Test("contributing sources and the extension block count as header")
    func longHeader() throws {
        let packet = [UInt8](
            hex: "92 6f 00 01 00 00 00 02 00 00 00 03 11 11 11 11 22 22 22 22 be de 00 01 10 7f 00 00 55")
        let header = try RTPHeader(packet.rawSpan)
        #expect(header.csrcCount == 2)
        #expect(header.extensionProfile == 0xBEDE)
        #expect(header.extensionOffset == 24)
        #expect(header.extensionByteCount == 4)
        #expect(header.headerByteCount == 28)
        #expect(RTPHeader.headerByteCount(packet.rawSpan) == 28)
    }

    @Test(
        "what is no RTP packet is refused with its reason",
        arguments: [
            ("80 00 00 00 00 00 00 00 00 00 00", RTPError.tooShort),
            ("", .tooShort),
            ("40 00 00 00 00 00 00 00 00 00 00 00", .wrongVersion),
            ("c0 00 00 00 00 00 00 00 00 00 00 00", .wrongVersion),
            ("81 00 00 00 00 00 00 00 00 00 00 00 00 00 00", .tooShort),
            ("90 00 00 00 00 00 00 00 00 00 00 00 be de 00", .truncatedExtension),
            ("90 00 00 00 00 00 00 00 00 00 00 00 be de 00 01 10 00 00", .truncatedExtension),
        ])
    func refusals(hex: String, reason: RTPError) {
        let packet = [UInt8](hex: hex)
        #expect(throws: reason) { try RTPHeader(packet.rawSpan) }
        #expect(RTPHeader.headerByteCount(packet.rawSpan) == nil)
    }

    @Test("the padding length comes from the last byte and is checked")
    func padding() throws {
        let head = [UInt8](hex: "a0 64 00 00 00 00 00 00 00 00 00 00")
        func padding(_ tail: [UInt8]) throws -> Int {
            let packet = head + tail
            return try RTPHeader(packet.rawSpan).paddingByteCount(packet.rawSpan)
        }
        #expect(try padding([9, 9, 0, 0, 3]) == 3)
        #expect(try padding([0, 0, 0, 4]) == 4)
        #expect(throws: RTPError.invalidPadding) { try padding([0, 0, 0, 5]) }
        #expect(throws: RTPError.invalidPadding) { try padding([1, 2, 3, 0]) }
        #expect(throws: RTPError.invalidPadding) { try padding([]) }
        let plain = [UInt8](hex: "80 64 00 00 00 00 00 00 00 00 00 00 ff")
        #expect(try RTPHeader(plain.rawSpan).paddingByteCount(plain.rawSpan) == 0)
    }

    @Test("a written header reads back the same")
    func roundTrip() {
        let failure = checkProperty { random in
            let (marker, hasExtension) = (random.next() & 1 == 0, random.next() & 1 == 0)
            let payloadType = UInt8(random.int(in: 0...127))
            let sequence = UInt16(truncatingIfNeeded: random.next())
            let (timestamp, ssrc) = (
                UInt32(truncatingIfNeeded: random.next()), UInt32(truncatingIfNeeded: random.next())
            )
            let packet = BufferWriter.array(capacity: 64) { writer in
                RTPHeader.write(
                    marker: marker, payloadType: payloadType, sequence: sequence, timestamp: timestamp, ssrc: ssrc,
                    hasExtension: hasExtension, to: &writer)
                if hasExtension { HeaderExtensionWriter(.oneByte, to: &writer).finish(&writer) }
            }
            guard let header = try? RTPHeader(packet.rawSpan) else { return "not read" }
            let same =
                header.marker == marker && header.payloadType == payloadType && header.sequence == sequence
                && header.timestamp == timestamp && header.ssrc == ssrc
                && header.headerByteCount == packet.count
            return same ? nil : "\(header)"
        }
        #expect(failure == nil)
    }

    @Test("no bytes trap; both ways to find the header's end agree")
    func hostileBytes() {
        let good = [UInt8](
            hex: """
                b2 ef 00 01 00 00 00 02 00 00 00 03 11 11 11 11 22 22 22 22
                be de 00 02 10 7f 22 01 02 03 00 00 55 66 02
                """
        )
        let failure = checkProperty(cases: 5_000) { random in
            let packet =
                random.next() & 3 == 0 ? random.bytes(random.int(in: 0...80)) : mutate(good, using: &random)
            let span = packet.rawSpan
            guard let header = try? RTPHeader(span) else {
                return RTPHeader.headerByteCount(span) == nil ? nil : "length without header"
            }
            guard RTPHeader.headerByteCount(span) == header.headerByteCount else { return "lengths differ" }
            if let padding = try? header.paddingByteCount(span), padding + header.headerByteCount > packet.count {
                return "padding beyond the packet"
            }
            var reader = HeaderExtensionReader(header)
            while let element = reader.next(in: span) {
                guard element.id > 0, element.offset + element.byteCount <= header.headerByteCount else {
                    return "element beyond the header"
                }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
