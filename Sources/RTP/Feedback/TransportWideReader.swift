// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Reads a transport-wide congestion control feedback: which packets arrived, and when
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1).
public struct TransportWideReader: BitwiseCopyable {
    /// The fate of one packet.
    public struct Status: BitwiseCopyable, Hashable, Sendable {
        /// Transport-wide number.
        public var sequence: UInt16
        /// When it arrived, in 250 µs since the receiver's origin; `nil` when it did not.
        public var arrival: Int64?
    }

    /// Number of the first packet that is reported.
    public let baseSequence: UInt16
    /// How many packets are reported.
    public let statusCount: Int
    /// Origin of the arrival times, in 64 ms; signed 24 bits.
    public let referenceTime: Int32
    /// Counts the feedback packets of this receiver.
    public let feedbackCount: UInt8

    private var chunkOffset: Int
    private var deltaOffset: Int
    private let end: Int
    private var read = 0
    private var chunk: UInt16 = 0
    private var chunkUsed = 0
    private var chunkLength = 0
    private var clock: Int64

    /// Starts at the first status; `nil` when `packet` is no such feedback or its chunks are cut off.
    public init?(_ packet: RTCPPacket, in datagram: RawSpan) {
        guard packet.type == .transportFeedback, packet.count == FeedbackFormat.transportWide, packet.byteCount >= 20
        else { return nil }
        let offset = packet.offset
        baseSequence = datagram.uint16(at: offset + 12)
        statusCount = Int(datagram.uint16(at: offset + 14))
        referenceTime = Int32(bitPattern: datagram.uint24(at: offset + 16) << 8) >> 8
        feedbackCount = datagram.uint8(at: offset + 19)
        clock = Int64(referenceTime) * 256
        chunkOffset = offset + 20
        end = offset + packet.byteCount
        var scan = chunkOffset
        var left = statusCount
        // Ends: every turn consumes two bytes of the packet.
        while left > 0 {
            guard scan + 2 <= end else { return nil }
            left -= Self.length(datagram.uint16(at: scan))
            scan += 2
        }
        deltaOffset = scan
    }

    /// The next status; `nil` at the end, or where the arrival times are cut off.
    public mutating func next(in datagram: RawSpan) -> Status? {
        guard read < statusCount else { return nil }
        if chunkUsed == chunkLength {
            chunk = datagram.uint16(at: chunkOffset)
            chunkOffset += 2
            chunkLength = Self.length(chunk)
            chunkUsed = 0
            // A run of length zero says nothing of any packet; end rather than spin.
            guard chunkLength > 0 else {
                read = statusCount
                return nil
            }
        }
        let symbol = symbol(at: chunkUsed)
        chunkUsed += 1
        let sequence = baseSequence &+ UInt16(truncatingIfNeeded: read)
        read += 1
        let size = symbol == 1 ? 1 : symbol == 2 ? 2 : 0
        guard size > 0 else { return Status(sequence: sequence, arrival: nil) }
        guard deltaOffset + size <= end else {
            read = statusCount
            return nil
        }
        clock +=
            size == 1
            ? Int64(datagram.uint8(at: deltaOffset)) : Int64(Int16(bitPattern: datagram.uint16(at: deltaOffset)))
        deltaOffset += size
        return Status(sequence: sequence, arrival: clock)
    }

    private func symbol(at index: Int) -> UInt16 {
        if chunk & 0x8000 == 0 { return chunk >> 13 & 3 }
        if chunk & 0x4000 == 0 { return chunk >> UInt16(13 - index) & 1 }
        return chunk >> UInt16(2 * (6 - index)) & 3
    }

    private static func length(_ chunk: UInt16) -> Int {
        if chunk & 0x8000 == 0 { return Int(chunk & 0x1FFF) }
        return chunk & 0x4000 == 0 ? 14 : 7
    }
}
