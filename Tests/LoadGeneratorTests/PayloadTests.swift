// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import COpus
import Primitives
import TestSupport
import Testing
import VideoPayload

@testable import LoadGenerator

private func withBytes<Result>(_ bytes: [UInt8], _ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    var copy = bytes
    return copy.withUnsafeMutableBytes(body)
}

@Suite("Payloads")
struct PayloadTests {
    private let stamp = PayloadStamp(
        sender: 7, ssrc: 0xDEAD_BEEF, sequence: 99, sentAt: 123_456_789_012, flags: [.keyframe, .last])

    private func stamped(_ count: Int, covered: Int) -> [UInt8] {
        var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        bytes.withUnsafeMutableBytes { stamp.write(to: $0, covered: covered) }
        return bytes
    }

    @Test("a stamp reads back as it was written", arguments: [32, 33, 40, 100, 1_166])
    func roundTrip(count: Int) {
        #expect(stamped(count, covered: 0).withUnsafeBytes { PayloadStamp($0, covered: 0) } == stamp)
    }

    @Test("every changed byte is noticed, but for those before the covered part")
    func altered() {
        let original = stamped(60, covered: 6)
        for index in 0..<60 {
            var bytes = original
            bytes[index] ^= 0x40
            let read = bytes.withUnsafeBytes { PayloadStamp($0, covered: 6) }
            #expect(read == (index < 6 ? stamp : nil), "byte \(index)")
        }
    }

    @Test("any bytes are read without a trap, and never taken for a stamp")
    func hostile() {
        let original = stamped(80, covered: 6)
        let failure = checkProperty(cases: 2_000) { random in
            let bytes = mutate(original, using: &random)
            let read = bytes.withUnsafeBytes { PayloadStamp($0, covered: random.int(in: 0...90)) }
            return read != nil && bytes.suffix(74) != original.suffix(74) ? "accepted \(bytes)" : nil
        }
        #expect(failure == nil)
    }

    @Test("audio packets are Opus that a decoder plays, stamp and all", arguments: [50, 100, 400])
    func opus(rate: Int) throws {
        let frames = try OpusFrames(rate: rate, bitrate: 32_000)
        var status: Int32 = 0
        let decoder = try #require(opus_decoder_create(48_000, 1, &status))
        defer { opus_decoder_destroy(decoder) }
        var energy = 0
        for (index, packet) in frames.packets.enumerated() {
            var bytes = packet
            bytes.withUnsafeMutableBytes {
                PayloadStamp(sender: 1, ssrc: 2, sequence: UInt32(index), sentAt: .max, flags: []).write(
                    to: $0, covered: 0)
            }
            var pcm = [Int16](repeating: 0, count: 5_760)
            let count = opus_decode(decoder, bytes, Int32(bytes.count), &pcm, 5_760, 0)
            #expect(count == Int32(48_000 / rate))
            energy += pcm.prefix(Int(max(count, 0))).reduce(0) { $0 + abs(Int($1)) }
        }
        #expect(frames.packets.count == rate)
        #expect(energy > 48_000 * 500)
    }

    @Test("only a packet of one frame is padded")
    func padded() {
        #expect(OpusFrames.padded([0x78, 1, 2])?.prefix(5) == [0x7B, 0x41, 32, 1, 2])
        #expect(OpusFrames.padded([0x79, 1, 2]) == nil)
        #expect(OpusFrames.padded([]) == nil)
    }

    @Test("video keeps its bit rate, key frames included")
    func pattern() {
        var pattern = VideoPattern(bitrate: 1_500_000, frameRate: 30, seed: 3)
        var total = 0
        for frame in 0..<900 { total += pattern.nextBytes(isKeyframe: frame % 100 == 0) }
        #expect(abs(Double(total) * 8 / 30 - 1_500_000) < 75_000)
    }

    @Test(
        "a frame is split into packets that differ by one byte at most", arguments: [64, 1_166, 1_167, 6_250, 31_250])
    func split(bytes: Int) {
        let (packets, smaller, larger) = VP8Payload.split(bytes, limit: 1_166)
        #expect(packets * smaller + larger == bytes)
        #expect(larger < packets)
        #expect(smaller + (larger > 0 ? 1 : 0) <= 1_166)
    }

    @Test("the descriptor is what an independent parser reads")
    func descriptor() throws {
        let bytes = withBytes([UInt8](repeating: 0, count: 40)) { payload -> [UInt8] in
            VP8Payload.writeDescriptor(to: payload, isStart: true, pictureID: 0x1234, tl0: 77, keyIndex: 9)
            _ = VP8Payload.writeFrameHeader(
                to: UnsafeMutableRawBufferPointer(rebasing: payload[6...]), isKeyframe: true, frameBytes: 5_000,
                width: 1_280,
                height: 720)
            return Array(payload)
        }
        #expect(bytes.withUnsafeBytes { VP8Payload.descriptorBytes(of: $0) } == 6)
        let read = VP8Descriptor(bytes.rawSpan, from: 0, to: bytes.count)
        let parsed = try #require(read)
        #expect(parsed.byteCount == 6 && parsed.isStartOfFrame && parsed.hasLongPictureID)
        #expect(parsed.tl0PictureIndex == 77 && parsed.keyIndex == 9 && parsed.temporalID == 0)
        #expect(parsed.pictureID == 0x1234)
    }

    @Test("descriptors cut anywhere have no length, or one that fits")
    func hostileDescriptor() {
        let failure = checkProperty(cases: 2_000) { random in
            let bytes = random.bytes(random.int(in: 0...8))
            guard let count = bytes.withUnsafeBytes({ VP8Payload.descriptorBytes(of: $0) }) else { return nil }
            return count <= bytes.count && count > 0 ? nil : "\(bytes)"
        }
        #expect(failure == nil)
    }
}
