// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("Redundant audio (media-plane.md 10.4)")
struct RedundancyTests {
    @Test("of the last 20 numbers each is new once, wherever the numbers wrap; what lies further back is not new")
    func recentNumbers() {
        var numbers = RecentNumbers()
        expect(numbers.isEmpty)
        for step in 0..<100 { expect(numbers.insert(UInt16(truncatingIfNeeded: 65_500 + step))) }
        let highest = UInt16(truncatingIfNeeded: 65_599)
        for back in 0..<25 { expect(!numbers.insert(highest &- UInt16(back))) }
        expect(numbers.insert(highest &+ 30))
        expect(numbers.insert(highest &+ 12))
        expect(!numbers.insert(highest &+ 12))
        expect(!numbers.insert(highest &+ 10), "20 back")
        expect(numbers.insert(highest &+ 11))
    }

    @Test("recent numbers are what a set of them would say")
    func recentNumbersProperty() {
        let failure = checkProperty(cases: 500) { random in
            var numbers = RecentNumbers()
            var seen: Set<Int> = []
            var highest = random.int(in: 0...65_535)
            for step in 0..<200 {
                let number = step == 0 ? highest : highest + random.int(in: -25...8)
                let isNew = numbers.insert(UInt16(truncatingIfNeeded: number))
                let expected = number > highest - 20 && seen.insert(number).inserted
                guard isNew == expected else { return "\(number), highest \(highest)" }
                highest = max(highest, number)
            }
            return nil
        }
        expect(failure == nil)
    }

    private func voice(
        _ sequence: UInt16, timestamp: UInt32? = nil, voice: Bool = true, bytes: Int = 20, ssrc: UInt32 = 5,
        type: UInt8 = 111
    ) -> (info: PacketInfo, packet: [UInt8]) {
        var info = PacketInfo()
        info.ssrc = ssrc
        info.sequence = sequence
        info.timestamp = timestamp ?? UInt32(sequence) &* 960
        info.payloadType = type
        info.headerBytes = 12
        info.payloadBytes = bytes
        info.byteCount = 12 + bytes
        info.hasVoice = voice
        return (
            info,
            [UInt8](repeating: 0, count: 12) + [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: bytes)
        )
    }

    private func keep(_ voices: [(info: PacketInfo, packet: [UInt8])], in history: inout AudioHistory) {
        for (info, packet) in voices {
            packet.withUnsafeBytes { bytes in bytes.baseAddress.map { history.insert(info, from: $0) } }
        }
    }

    /// The blocks of what the bridge makes of a packet: payload type, offset of the time stamp, first byte, length.
    private func protected(
        _ voice: (info: PacketInfo, packet: [UInt8]), _ history: borrowing AudioHistory, room: Int = 1_400,
        _ configure: (inout RedundancySettings) -> Void = { _ in }
    ) -> [[Int]]? {
        var settings = RedundancySettings()
        configure(&settings)
        var isWritten = false
        let payload = BufferWriter.array(capacity: room) { writer in
            isWritten = voice.packet.withUnsafeBytes { bytes in
                bytes.baseAddress.map { history.write(voice.info, from: $0, settings, to: &writer) } ?? false
            }
        }
        guard isWritten, let parsed = RedundantAudio(payload.rawSpan, from: 0, to: payload.count) else { return nil }
        return [parsed.tertiary, parsed.secondary, parsed.primary].compactMap { $0 }.map {
            [Int($0.payloadType), Int($0.timestampOffset), Int(payload[$0.offset]), $0.byteCount]
        }
    }

    @Test("the one before and the one before that are repeated, the oldest first")
    func adding() {
        var history = AudioHistory()
        keep([voice(10), voice(11), voice(12)], in: &history)
        expect(protected(voice(13), history) == [[111, 1_920, 11, 20], [111, 960, 12, 20], [111, 0, 13, 20]])
        expect(protected(voice(13), history) { $0.distance = 1 } == [[111, 960, 12, 20], [111, 0, 13, 20]])
        expect(protected(voice(14), history) == [[111, 0, 14, 20]], "13 is missing, so 12 does not stand alone")
        expect(protected(voice(13, ssrc: 6), history) == [[111, 0, 13, 20]], "another stream's")
        expect(protected(voice(13, type: 112), history) == [[112, 0, 13, 20]], "another format's")
    }

    @Test("only speech is repeated where that is set, and only what a header can say")
    func limits() {
        var history = AudioHistory()
        keep([voice(10), voice(11, voice: false), voice(12)], in: &history)
        expect(protected(voice(13), history) == [[111, 960, 12, 20], [111, 0, 13, 20]])
        expect(protected(voice(13), history) { $0.isForVoiceOnly = false }?.count == 3)
        expect(protected(voice(12), history) == [[111, 0, 12, 20]])
        // 2^14 is too far.
        expect(protected(voice(13, timestamp: 12 * 960 + 16_383), history)?.count == 2)
        expect(protected(voice(13, timestamp: 12 * 960 + 16_384), history)?.count == 1)
        // 1,023 bytes is the most.
        keep([voice(20, bytes: 1_023)], in: &history)
        expect(protected(voice(21), history)?.count == 2)
        keep([voice(20), voice(21, bytes: 1_024)], in: &history)
        expect(protected(voice(22), history)?.count == 1)
        // Room for one, for none, for not even the payload.
        keep([voice(30), voice(31)], in: &history)
        expect(protected(voice(32), history, room: 21 + 48)?.count == 3)
        expect(protected(voice(32), history, room: 21 + 47)?.count == 2)
        expect(protected(voice(32), history, room: 21 + 23)?.count == 1)
        expect(protected(voice(32), history, room: 20) == nil)
    }

    @Test("the history of 20 packets wraps, with the numbers and without; a late packet pushes no newer one out")
    func wrapping() {
        var history = AudioHistory()
        for step in 65_400..<65_700 {
            let number = UInt16(truncatingIfNeeded: step)
            let current = voice(number, timestamp: UInt32(step) * 960)
            if step > 65_402 { expect(protected(current, history)?.count == 3, "at \(step)") }
            keep([current], in: &history)
        }
        let newest = UInt16(truncatingIfNeeded: 65_699)
        keep([voice(newest &- 20, timestamp: 1)], in: &history)
        expect(protected(voice(newest &+ 1, timestamp: 65_700 * 960), history)?.count == 3)
        // Another stream begins with nothing.
        keep([voice(newest, ssrc: 9)], in: &history)
        expect(protected(voice(newest, timestamp: 65_699 * 960), history)?.count == 1)
    }
}
