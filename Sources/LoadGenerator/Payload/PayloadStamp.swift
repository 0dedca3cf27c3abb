// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The last bytes of every payload: who sent it, when, and a checksum over it and the payload before it.
///
/// It stands at the end so that a bridge may rewrite what stands in front (the VP8 descriptor), which the checksum
/// leaves out.
struct PayloadStamp: Equatable, BitwiseCopyable {
    /// Bytes on the wire.
    static let byteCount = 32
    private static let magic: UInt16 = 0x5644
    private static let version: UInt8 = 2

    /// Number of the sending participant, over all conferences; 16 bits of it.
    var sender: UInt32
    /// Number of the frame within its encoding, modulo 2^16.
    var frame: UInt16
    /// The stream, as the sender numbers it.
    var ssrc: UInt32
    /// Counts the packets of the stream from 0.
    var sequence: UInt32
    /// When it was sent, in nanoseconds of the monotonic clock.
    var sentAt: Int64
    /// What part of a frame it is.
    var flags: Flags
    /// Temporal layer of the frame, 0 to 3.
    var temporal: UInt8
    /// How many frames of its encoding ago the newest one was that it needs, 0 to 7; 0 for a key frame and for audio.
    var reference: UInt8

    struct Flags: OptionSet, BitwiseCopyable {
        let rawValue: UInt8
        /// Belongs to a key frame.
        static let keyframe = Flags(rawValue: 1)
        /// First packet of its frame.
        static let first = Flags(rawValue: 2)
        /// Last packet of its frame.
        static let last = Flags(rawValue: 4)
    }

    init(
        sender: UInt32, ssrc: UInt32, sequence: UInt32, sentAt: Int64, flags: Flags, frame: UInt16 = 0,
        temporal: UInt8 = 0, reference: UInt8 = 0
    ) {
        self.sender = sender
        self.frame = frame
        self.temporal = temporal
        self.reference = reference
        self.ssrc = ssrc
        self.sequence = sequence
        self.sentAt = sentAt
        self.flags = flags
    }

    /// Reads and checks the stamp at the end of `payload`.
    /// - Parameter covered: where the bytes begin that the checksum covers.
    /// - Returns: `nil` when there is none or the checksum is wrong: the payload was altered.
    init?(_ payload: UnsafeRawBufferPointer, covered: Int) {
        let at = payload.count - Self.byteCount
        guard covered >= 0, at >= covered else { return nil }
        func load<T: FixedWidthInteger>(_ offset: Int, _: T.Type) -> T {
            T(bigEndian: payload.loadUnaligned(fromByteOffset: at + offset, as: T.self))
        }
        guard load(0, UInt16.self) == Self.magic, load(2, UInt8.self) == Self.version else { return nil }
        guard load(24, UInt64.self) == Self.checksum(UnsafeRawBufferPointer(rebasing: payload[covered..<at + 24]))
        else { return nil }
        let packed = load(3, UInt8.self)
        flags = Flags(rawValue: packed & 7)
        temporal = packed >> 3 & 3
        reference = packed >> 5
        sender = UInt32(load(4, UInt16.self))
        frame = load(6, UInt16.self)
        ssrc = load(8, UInt32.self)
        sequence = load(12, UInt32.self)
        sentAt = load(16, Int64.self)
    }

    /// Writes the stamp into the last bytes of `payload`.
    func write(to payload: UnsafeMutableRawBufferPointer, covered: Int) {
        let at = payload.count - Self.byteCount
        precondition(covered >= 0 && at >= covered, "payload too short for its stamp")
        func store<T: FixedWidthInteger>(_ value: T, _ offset: Int) {
            payload.storeBytes(of: value.bigEndian, toByteOffset: at + offset, as: T.self)
        }
        store(Self.magic, 0)
        store(Self.version, 2)
        store(flags.rawValue & 7 | (temporal & 3) << 3 | reference << 5, 3)
        store(UInt16(truncatingIfNeeded: sender), 4)
        store(frame, 6)
        store(ssrc, 8)
        store(sequence, 12)
        store(sentAt, 16)
        store(Self.checksum(UnsafeRawBufferPointer(rebasing: payload[covered..<at + 24])), 24)
    }

    /// 64 mixed bits over `bytes`, eight at a time: a receiver checks hundreds of thousands of packets per second.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
        var offset = 0
        while offset + 8 <= bytes.count {
            hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xBF58_476D_1CE4_E5B9
            hash ^= hash >> 29
            offset += 8
        }
        while offset < bytes.count {
            hash = (hash ^ UInt64(bytes[offset])) &* 0x94D0_49BB_1331_11EB
            hash ^= hash >> 31
            offset += 1
        }
        return hash ^ (hash >> 32)
    }
}
