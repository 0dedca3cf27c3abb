// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Writes and reads what stands in front of the picture bytes of a VP8 packet (RFC 7741).
enum VP8Payload {
    /// Bytes of the descriptor that ``writeDescriptor`` makes: long picture number, TL0PICIDX, TID and KEYIDX, as
    /// browsers send it.
    static let descriptorBytes = 6
    /// Bytes of a key frame's header (RFC 6386 9.1): frame tag, start code, width and height.
    static let keyframeHeaderBytes = 10
    /// Bytes of another frame's header: the frame tag.
    static let frameHeaderBytes = 3

    /// Writes the descriptor of a packet.
    /// - Parameters:
    ///   - temporal: the temporal layer of its frame.
    ///   - isSync: whether the frame needs the base layer alone (the Y bit).
    static func writeDescriptor(
        to payload: UnsafeMutableRawBufferPointer, isStart: Bool, pictureID: UInt16, tl0: UInt8, keyIndex: UInt8,
        temporal: UInt8 = 0, isSync: Bool = false
    ) {
        payload[0] = isStart ? 0x90 : 0x80
        payload[1] = 0xF0
        payload[2] = 0x80 | UInt8(pictureID >> 8 & 0x7F)
        payload[3] = UInt8(truncatingIfNeeded: pictureID)
        payload[4] = tl0
        payload[5] = temporal << 6 | (isSync ? 0x20 : 0) | keyIndex & 0x1F
    }

    /// Writes the frame header at the start of `frame` and gives its length.
    static func writeFrameHeader(
        to frame: UnsafeMutableRawBufferPointer, isKeyframe: Bool, frameBytes: Int, width: UInt16, height: UInt16
    ) -> Int {
        // Bit 0: inter frame; bits 1–3: version 0; bit 4: shown; then 19 bits: size of the first partition.
        let partition = UInt32(min(frameBytes, 0x7_FFFF))
        let tag = (isKeyframe ? 0 : 1) | 0x10 | partition << 5
        frame[0] = UInt8(truncatingIfNeeded: tag)
        frame[1] = UInt8(truncatingIfNeeded: tag >> 8)
        frame[2] = UInt8(truncatingIfNeeded: tag >> 16)
        guard isKeyframe else { return frameHeaderBytes }
        frame[3] = 0x9D
        frame[4] = 0x01
        frame[5] = 0x2A
        frame[6] = UInt8(truncatingIfNeeded: width)
        frame[7] = UInt8(width >> 8)
        frame[8] = UInt8(truncatingIfNeeded: height)
        frame[9] = UInt8(height >> 8)
        return keyframeHeaderBytes
    }

    /// Length of the descriptor of `payload`, whatever a bridge made of it; `nil` when it is cut off.
    static func descriptorBytes(of payload: UnsafeRawBufferPointer) -> Int? {
        guard payload.count > 0 else { return nil }
        guard payload[0] & 0x80 != 0 else { return 1 }
        guard payload.count > 1 else { return nil }
        let extensions = payload[1]
        var length = 2
        if extensions & 0x80 != 0 {
            guard payload.count > length else { return nil }
            length += payload[length] & 0x80 != 0 ? 2 : 1
        }
        if extensions & 0x40 != 0 { length += 1 }
        if extensions & 0x30 != 0 { length += 1 }
        return length <= payload.count ? length : nil
    }

    /// What a descriptor says of its frame.
    struct Layers: Equatable {
        /// 15 bits.
        var pictureID: UInt16
        var tl0: UInt8
        var temporal: UInt8
        /// Whether the frame needs the base layer alone.
        var isSync: Bool
        /// Whether the packet begins a frame.
        var isStart: Bool
    }

    /// Reads a descriptor of the kind that ``writeDescriptor`` makes, whatever a bridge made of its values; `nil` where
    /// it lacks a field or has another form.
    static func layers(of payload: UnsafeRawBufferPointer) -> Layers? {
        guard payload.count >= descriptorBytes, payload[0] & 0x80 != 0, payload[1] & 0xF0 == 0xF0,
            payload[2] & 0x80 != 0
        else { return nil }
        return Layers(
            pictureID: UInt16(payload[2] & 0x7F) << 8 | UInt16(payload[3]), tl0: payload[4],
            temporal: payload[5] >> 6, isSync: payload[5] & 0x20 != 0, isStart: payload[0] & 0x17 == 0x10)
    }

    /// Payload bytes of each packet of a frame: as equal as can be, the larger ones last, as libwebrtc splits them.
    /// - Parameter limit: picture bytes that fit into one packet.
    static func split(_ frameBytes: Int, limit: Int) -> (packets: Int, smaller: Int, larger: Int) {
        let packets = (frameBytes + limit - 1) / limit
        return (packets, frameBytes / packets, frameBytes % packets)
    }
}
