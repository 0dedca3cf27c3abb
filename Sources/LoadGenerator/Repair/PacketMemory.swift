// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The last packets that an encoding sent, not encrypted, so that they can be sent again (RFC 4588).
struct PacketMemory {
    private struct Entry: BitwiseCopyable {
        var sequence: UInt16 = 0
        /// 0: nothing is kept here.
        var byteCount: UInt16 = 0
        var repeatedAt = Timestamp.zero
    }

    private static let stride = LoadGeneratorLimits.packetBytes
    private var entries: [Entry]
    private var bytes: [UInt8]
    private let mask: Int
    private let ssrc: UInt32
    /// Number of the next retransmission.
    private var sequence: UInt16 = 1
    /// Bytes that a retransmission has more than its packet: the original sequence number.
    static let addedBytes = 2

    /// Room for the packets of about a second and a half.
    init(ssrc: UInt32, bitrate: Int, frameRate: Int) {
        self.ssrc = ssrc
        let perSecond = bitrate / 8 / (Self.stride - 100) + frameRate
        var count = 64
        while count < perSecond * 3 / 2, count < LoadGeneratorLimits.rememberedPackets { count *= 2 }
        mask = count - 1
        entries = [Entry](repeating: Entry(), count: count)
        bytes = [UInt8](repeating: 0, count: count * Self.stride)
    }

    /// Keeps a packet that is being sent.
    mutating func note(_ packet: UnsafeRawBufferPointer) {
        guard packet.count <= Self.stride, packet.count >= 12 else { return }
        let sequence = UInt16(packet[2]) << 8 | UInt16(packet[3])
        let place = Int(sequence) & mask
        entries[place] = Entry(sequence: sequence, byteCount: UInt16(packet.count))
        bytes.withUnsafeMutableBytes {
            UnsafeMutableRawBufferPointer(rebasing: $0[place * Self.stride..<place * Self.stride + packet.count])
                .copyMemory(from: packet)
        }
    }

    /// What became of a request.
    enum Answer: Equatable {
        /// A retransmission was written, so many bytes long.
        case written(Int)
        /// It was repeated a moment ago.
        case repeatedAlready
        /// It is not kept.
        case unknown
    }

    /// Writes the retransmission of packet `sequence`, not encrypted yet; header extensions are those of the packet.
    /// - Parameter headerBytes: bytes before the payload.
    mutating func write(
        _ sequence: UInt16, to packet: UnsafeMutableRawBufferPointer, headerBytes: Int, at now: Timestamp
    ) -> Answer {
        let place = Int(sequence) & mask
        let entry = entries[place]
        let count = Int(entry.byteCount)
        guard entry.sequence == sequence, count > headerBytes, packet.count >= count + Self.addedBytes else {
            return .unknown
        }
        guard entry.repeatedAt == .zero || now - entry.repeatedAt >= LoadGeneratorLimits.repeatInterval else {
            return .repeatedAlready
        }
        entries[place].repeatedAt = now
        bytes.withUnsafeBytes { kept in
            let start = place * Self.stride
            packet.copyMemory(from: UnsafeRawBufferPointer(rebasing: kept[start..<start + headerBytes]))
            UnsafeMutableRawBufferPointer(rebasing: packet[(headerBytes + Self.addedBytes)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: kept[start + headerBytes..<start + count]))
        }
        packet[1] = packet[1] & 0x80 | Offer.rtx
        packet.storeBytes(of: self.sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        packet.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
        packet.storeBytes(of: sequence.bigEndian, toByteOffset: headerBytes, as: UInt16.self)
        self.sequence &+= 1
        return .written(count + Self.addedBytes)
    }
}
