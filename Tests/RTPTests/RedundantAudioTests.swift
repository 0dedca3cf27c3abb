// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@Suite("RedundantAudio (RFC 2198)")
struct RedundantAudioTests {
    /// 12 bytes of header, then what `body` writes.
    private func packet(_ body: (inout BufferWriter) -> Void) -> [UInt8] {
        [UInt8](repeating: 0, count: 12) + BufferWriter.array(capacity: 4_000, body)
    }

    private static func numbers(_ block: RedundantAudio.Block?) -> [Int] {
        block.map { [Int($0.payloadType), Int($0.timestampOffset), $0.offset, $0.byteCount] } ?? []
    }

    private func read(_ packet: [UInt8]) -> RedundantAudio? {
        RedundantAudio(packet.rawSpan, from: 12, to: packet.count)
    }

    @Test("the layout of section 3: headers in the order of the blocks, the payload itself last")
    func layout() throws {
        // RFC 2198 3: F=1, PT 5, offset 2,400 and length 3; F=0, PT 0.
        let bytes: [UInt8] = [0x85, 0x25, 0x80, 0x03, 0x00, 1, 2, 3, 9, 9]
        let parsed = try #require(read([UInt8](repeating: 0, count: 12) + bytes))
        #expect(Self.numbers(parsed.secondary) == [5, 2_400, 17, 3])
        #expect(parsed.tertiary == nil)
        #expect(Self.numbers(parsed.primary) == [0, 0, 20, 2])
        let written = BufferWriter.array(capacity: 10) { writer in
            RedundantAudio.writeHeader(payloadType: 5, timestampOffset: 2_400, byteCount: 3, to: &writer)
            RedundantAudio.writePrimaryHeader(payloadType: 0, to: &writer)
        }
        #expect(written == Array(bytes[..<5]))
    }

    @Test("of more than two repeated blocks the last two are given, at their places")
    func manyBlocks() throws {
        let bytes = packet { writer in
            for (length, offset) in [(2, 2_880), (3, 1_920), (4, 960)] {
                RedundantAudio.writeHeader(
                    payloadType: 111, timestampOffset: UInt16(offset), byteCount: length, to: &writer)
            }
            RedundantAudio.writePrimaryHeader(payloadType: 111, to: &writer)
            writer.append([0, 1, 10, 11, 12, 20, 21, 22, 23, 77].rawSpan)
        }
        let parsed = try #require(read(bytes))
        let start = 12 + 13
        #expect(parsed.tertiary?.offset == start + 2)
        #expect(parsed.tertiary?.byteCount == 3)
        #expect(parsed.tertiary?.timestampOffset == 1_920)
        #expect(parsed.secondary?.offset == start + 5)
        #expect(parsed.secondary?.byteCount == 4)
        #expect(parsed.primary.offset == start + 9)
        #expect(parsed.primary.byteCount == 1)
    }

    @Test("what is cut off, promises more than there is or never ends is none")
    func malformed() {
        #expect(read([UInt8](repeating: 0, count: 12)) == nil)
        #expect(RedundantAudio([1, 2, 3].rawSpan, from: 2, to: 5) == nil)
        #expect(read([UInt8](repeating: 0, count: 12) + [0x80, 0, 0, 0]) == nil)
        #expect(read([UInt8](repeating: 0, count: 12) + [0x85, 0, 0, 4, 0, 1, 2, 3]) == nil)
        #expect(read([UInt8](repeating: 0, count: 12) + [0x85, 0, 0, 3, 0, 1, 2, 3])?.primary.byteCount == 0)
        #expect(read([UInt8](repeating: 0x80, count: 1_200)) == nil)
    }

    @Test("what was written is read again, and whatever comes nothing lies outside of the packet")
    func property() {
        let failure = checkProperty(cases: 2_000) { random in
            let count = random.int(in: 0...RTPLimits.redundantBlocks)
            let lengths = (0..<count).map { _ in random.int(in: 0...60) }
            let bytes = packet { writer in
                for (index, length) in lengths.enumerated() {
                    RedundantAudio.writeHeader(
                        payloadType: UInt8(index), timestampOffset: UInt16((count - index) * 960 & 0x3FFF),
                        byteCount: length, to: &writer)
                }
                RedundantAudio.writePrimaryHeader(payloadType: 99, to: &writer)
                for (index, length) in lengths.enumerated() {
                    writer.append([UInt8](repeating: UInt8(index), count: length).rawSpan)
                }
                writer.append([7, 7].rawSpan)
            }
            guard let parsed = read(bytes) else { return "not read: \(lengths)" }
            guard parsed.primary.byteCount == 2, bytes[parsed.primary.offset] == 7 else { return "primary" }
            if count > 0 {
                guard let last = parsed.secondary, last.byteCount == lengths[count - 1],
                    bytes[last.offset..<last.offset + last.byteCount].allSatisfy({ $0 == UInt8(count - 1) })
                else { return "secondary" }
            }
            guard (parsed.tertiary != nil) == (count > 1) else { return "tertiary" }
            let damaged = mutate(bytes, using: &random)
            guard damaged.count > 12, let other = read(damaged) else { return nil }
            for block in [other.primary, other.secondary, other.tertiary].compactMap({ $0 }) {
                if block.offset < 12 || block.offset + block.byteCount > damaged.count { return "outside: \(block)" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
