// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpus

/// A loop of real Opus packets of a synthetic tone, encoded once for all senders.
///
/// Each packet has code 3 with room for a ``PayloadStamp`` in its padding (RFC 6716 3.2.5), so that any decoder plays
/// it: a decoder must accept any value of the padding bytes.
struct OpusFrames: Sendable {
    /// The packets, the last ``PayloadStamp/byteCount`` bytes of each left for the stamp.
    let packets: [[UInt8]]
    /// Samples of the 48 kHz clock that each covers.
    let samplesPerPacket: UInt32

    /// One second of frames.
    /// - Parameters:
    ///   - rate: packets per second.
    ///   - bitrate: bits per second of the codec.
    init(rate: Int, bitrate: Int) throws(LoadError) {
        let samples = 48_000 / rate
        var status: Int32 = 0
        guard let encoder = opus_encoder_create(48_000, 1, OPUS_APPLICATION_AUDIO, &status), status == OPUS_OK else {
            throw .library("opus_encoder_create failed with \(status)")
        }
        defer { opus_encoder_destroy(encoder) }
        // Constant bit rate: packets of equal size, like most of a browser's speech. The control request is variadic
        // in C, so the rate is held by the size limit instead, which gives the same.
        let limit = min(max(bitrate / 8 / rate, 8), 1_000)
        var packets: [[UInt8]] = []
        var phase = 0
        for _ in 0..<rate {
            let pcm = Self.tone(samples: samples, phase: &phase)
            var frame = [UInt8](repeating: 0, count: limit)
            let count = opus_encode(encoder, pcm, Int32(samples), &frame, Int32(limit))
            guard count > 1 else { throw .library("opus_encode failed with \(count)") }
            guard let packet = Self.padded(Array(frame.prefix(Int(count)))) else {
                throw .library("opus_encode gave a packet of several frames")
            }
            packets.append(packet)
        }
        self.packets = packets
        samplesPerPacket = UInt32(samples)
    }

    /// A tone that wanders between 220 and 880 Hz by whole-number arithmetic: the same in every run.
    private static func tone(samples: Int, phase: inout Int) -> [Int16] {
        (0..<samples).map { index in
            let frequency = 220 + (index &+ phase / 960) % 660
            phase += frequency
            // A triangle of period 48,000 phase units.
            let position = phase % 48_000
            let height = position < 24_000 ? position - 12_000 : 36_000 - position
            return Int16(height)
        }
    }

    /// Turns a packet of one frame (code 0) into a code 3 packet with padding for the stamp.
    static func padded(_ packet: [UInt8]) -> [UInt8]? {
        guard let toc = packet.first, toc & 3 == 0 else { return nil }
        // Frame count byte: constant size, padding present, one frame; then the length of the padding.
        return [toc | 3, 0b0100_0001, UInt8(PayloadStamp.byteCount)] + packet.dropFirst()
            + [UInt8](repeating: 0, count: PayloadStamp.byteCount)
    }
}
