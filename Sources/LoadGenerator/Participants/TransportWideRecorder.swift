// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Remembers when packets with a transport-wide number came and writes the feedback about them
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1).
struct TransportWideRecorder {
    private struct Arrival {
        var number: Int64
        var at: Timestamp
    }

    private var unwrapper = SequenceUnwrapper()
    private var arrivals: [Arrival] = []
    private var next: Int64 = -1
    private var feedbackCount: UInt8 = 0

    init() {}

    /// Whether there is anything to say.
    var isPending: Bool { !arrivals.isEmpty }
    /// Whether the memory is full: time to say it.
    var isFull: Bool { arrivals.count >= LoadGeneratorLimits.feedbackPackets }

    /// Notes a packet. A full memory forgets it: the sender takes it for lost.
    mutating func note(_ number: UInt16, at now: Timestamp) {
        let unwrapped = unwrapper.unwrap(number)
        guard !isFull, unwrapped >= next else { return }
        arrivals.append(Arrival(number: unwrapped, at: now))
    }

    /// One RTCP packet about what came since the last one, or `nil` when nothing did.
    mutating func takeFeedback(senderSSRC: UInt32, mediaSSRC: UInt32) -> [UInt8]? {
        guard !arrivals.isEmpty else { return nil }
        arrivals.sort { $0.number < $1.number }
        let base = next >= 0 ? min(next, arrivals[0].number) : arrivals[0].number
        // A gap longer than what one packet can say is passed over.
        let start = arrivals[0].number - base > 4_096 ? arrivals[0].number : base
        let reference = arrivals[0].at.nanoseconds / 64_000_000
        var (symbols, deltas, told) = encode(from: start, reference: reference * 64_000_000)
        next = told + 1
        arrivals.removeAll { $0.number <= told }

        var writer = ByteWriter(capacity: 512)
        writer.uint8(0x80 | 15)
        writer.uint8(205)
        writer.uint16(0)
        writer.uint32(senderSSRC)
        writer.uint32(mediaSSRC)
        writer.uint16(UInt16(truncatingIfNeeded: start))
        writer.uint16(UInt16(symbols.count))
        writer.uint8(UInt8(truncatingIfNeeded: reference >> 16))
        writer.uint16(UInt16(truncatingIfNeeded: reference))
        writer.uint8(feedbackCount)
        feedbackCount &+= 1
        // Two-bit status vectors: seven packets each.
        while symbols.count % 7 != 0 { symbols.append(0) }
        for chunk in stride(from: 0, to: symbols.count, by: 7) {
            var word: UInt16 = 0xC000
            for index in 0..<7 { word |= UInt16(symbols[chunk + index]) << UInt16(12 - 2 * index) }
            writer.uint16(word)
        }
        writer.append(deltas)
        while writer.count % 4 != 0 { writer.uint8(0) }
        writer.patch16(UInt16(writer.count / 4 - 1), at: 2)
        return writer.bytes
    }

    /// Status symbols, deltas, and the last number they tell of: up to the first delta that does not fit.
    private func encode(from start: Int64, reference: Int64) -> (symbols: [UInt8], deltas: [UInt8], told: Int64) {
        var symbols: [UInt8] = []
        var deltas = ByteWriter()
        var number = start
        var previous = reference
        var told = start - 1
        for arrival in arrivals where arrival.number >= number {
            let delta = (arrival.at.nanoseconds - previous) / 250_000
            guard delta >= -0x8000, delta <= 0x7FFF else { break }
            while number < arrival.number {
                symbols.append(0)
                number += 1
            }
            if delta >= 0, delta <= 255 {
                symbols.append(1)
                deltas.uint8(UInt8(delta))
            } else {
                symbols.append(2)
                deltas.uint16(UInt16(bitPattern: Int16(delta)))
            }
            previous += delta * 250_000
            told = number
            number += 1
        }
        return (symbols, deltas.bytes, max(told, start))
    }
}
