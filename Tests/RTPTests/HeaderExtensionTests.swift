// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@Suite("Header extensions (RFC 8285)")
struct HeaderExtensionTests {
    static let head = [UInt8](hex: "90 64 00 01 00 00 00 02 00 00 00 03")

    /// The elements of a block, as id and value.
    static func elements(_ block: [UInt8]) -> [[UInt8]] {
        let packet = head + block
        guard let header = try? RTPHeader(packet.rawSpan) else { return [] }
        var reader = HeaderExtensionReader(header)
        var result: [[UInt8]] = []
        while let element = reader.next(in: packet.rawSpan) {
            result.append([element.id] + packet.rawSpan.slice(element.offset, count: element.byteCount).toArray())
        }
        return result
    }

    static func block(_ form: HeaderExtensionForm, _ elements: [[UInt8]]) -> [UInt8] {
        BufferWriter.array(capacity: 4_096) { writer in
            let block = HeaderExtensionWriter(form, to: &writer)
            for element in elements { block.append(id: element[0], Array(element[1...]).rawSpan, to: &writer) }
            block.finish(&writer)
        }
    }

    @Test("the one-byte example of section 4.2: lengths 1, 2 and 4 with padding between")
    func oneByteExample() {
        let block = [UInt8](hex: "be de 00 03 10 aa 21 bb bb 00 00 33 cc cc cc cc")
        #expect(Self.elements(block) == [[1, 0xAA], [2, 0xBB, 0xBB], [3, 0xCC, 0xCC, 0xCC, 0xCC]])
    }

    @Test("the two-byte example of section 4.3: lengths 0, 1 and 4 with padding between")
    func twoByteExample() {
        let block = [UInt8](hex: "10 00 00 03 01 00 02 01 bb 00 03 04 cc cc cc cc")
        #expect(Self.elements(block) == [[1], [2, 0xBB], [3, 0xCC, 0xCC, 0xCC, 0xCC]])
    }

    @Test("the four appbits of the two-byte form do not matter")
    func appBits() {
        #expect(Self.elements([UInt8](hex: "10 0f 00 01 ff 01 07 00")) == [[255, 7]])
    }

    @Test("id 15 of the one-byte form ends the block")
    func fifteenStops() {
        #expect(Self.elements([UInt8](hex: "be de 00 02 10 aa f0 bb 20 cc 00 00")) == [[1, 0xAA]])
    }

    @Test("id 0 with a length ends the one-byte block")
    func zeroWithLengthStops() {
        #expect(Self.elements([UInt8](hex: "be de 00 02 10 aa 02 bb 20 cc 00 00")) == [[1, 0xAA]])
    }

    @Test("an element that reaches beyond the block ends it")
    func overlongElement() {
        #expect(Self.elements([UInt8](hex: "be de 00 01 10 aa 23 bb")) == [[1, 0xAA]])
        #expect(Self.elements([UInt8](hex: "10 00 00 01 01 01 aa 02")) == [[1, 0xAA]])
        #expect(Self.elements([UInt8](hex: "10 00 00 01 01 03 aa bb")).isEmpty)
    }

    @Test("a block of another profile has no elements", arguments: ["c0 de", "c2 de", "be df", "20 00", "00 00"])
    func otherProfile(profile: String) {
        #expect(Self.elements([UInt8](hex: profile + "00 01 10 aa 00 00")).isEmpty)
    }

    @Test("no more elements are read than the limit")
    func elementLimit() {
        let many = (0..<40).map { [UInt8($0 % 14 + 1), 7] }
        #expect(Self.elements(Self.block(.oneByte, many)).count == RTPLimits.extensionElements)
    }

    @Test("id 15 and length 17 need the two-byte form, and so does length 0")
    func promotion() {
        #expect(HeaderExtensionForm.fitsOneByte(id: 14, byteCount: 16))
        #expect(!HeaderExtensionForm.fitsOneByte(id: 15, byteCount: 1))
        #expect(!HeaderExtensionForm.fitsOneByte(id: 1, byteCount: 17))
        #expect(!HeaderExtensionForm.fitsOneByte(id: 1, byteCount: 0))
        let elements: [[UInt8]] = [[1, 2], [15, 3], [4] + [UInt8](repeating: 9, count: 17), [5]]
        #expect(Self.elements(Self.block(.oneByte, elements)) == [[1, 2]])
        #expect(Self.elements(Self.block(.twoByte, elements)) == elements)
    }

    @Test("a written block reads back the same and fills whole words")
    func roundTrip() {
        let failure = checkProperty { random in
            let form: HeaderExtensionForm = random.next() & 1 == 0 ? .oneByte : .twoByte
            let elements = (0..<random.int(in: 0...8)).map { _ in
                form == .oneByte
                    ? [UInt8(random.int(in: 1...14))] + random.bytes(random.int(in: 1...16))
                    : [UInt8(random.int(in: 1...255))] + random.bytes(random.int(in: 0...255))
            }
            let block = Self.block(form, elements)
            guard block.count % 4 == 0 else { return "\(block.count) bytes" }
            return Self.elements(block) == elements ? nil : "\(form) \(elements)"
        }
        #expect(failure == nil)
    }

    @Test("a block that does not fit the buffer is marked, not cut silently")
    func truncatedWriting() {
        let bytes = BufferWriter.array(capacity: 7) { writer in
            let block = HeaderExtensionWriter(.oneByte, to: &writer)
            block.append(id: 1, ([1, 2, 3] as [UInt8]).rawSpan, to: &writer)
            block.finish(&writer)
        }
        #expect(bytes.isEmpty)
    }
}
