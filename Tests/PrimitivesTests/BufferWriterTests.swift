// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@Suite("BufferWriter")
struct BufferWriterTests {
    @Test("fields are written big-endian, one after the other")
    func fields() {
        let bytes = BufferWriter.array(capacity: 32) { writer in
            writer.uint8(0x01)
            writer.uint16(0x0203)
            writer.uint24(0xFF04_0506)
            writer.uint32(0x0708_090A)
            writer.uint64(0x0B0C_0D0E_0F10_1112)
            writer.append(([0x13, 0x14] as [UInt8]).rawSpan)
        }
        #expect(bytes == Array(1...20))
    }

    @Test("a field that does not fit is left out, and nothing follows it")
    func truncation() {
        var memory = [UInt8](repeating: 0xEE, count: 4)
        memory.withUnsafeMutableBytes { buffer in
            var writer = BufferWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[..<3]))
            writer.uint16(0x0102)
            writer.uint16(0x0304)
            #expect(writer.isTruncated)
            #expect(writer.count == 2)
            writer.uint8(5)
            #expect(writer.count == 2)
        }
        #expect(memory == [1, 2, 0xEE, 0xEE])
        #expect(BufferWriter.array(capacity: 1) { $0.uint16(7) }.isEmpty)
    }

    @Test("patching changes only what was written before")
    func patching() {
        let bytes = BufferWriter.array(capacity: 8) { writer in
            writer.uint32(0)
            writer.patch16(0x0102, at: 2)
            writer.patch8(9, at: 0)
            writer.patch16(0xFFFF, at: 3)
            writer.patch8(0xFF, at: 4)
            writer.patch8(0xFF, at: -1)
        }
        #expect(bytes == [9, 0, 1, 2])
    }
}
