// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import RTP
public import VideoPayload

/// Door 4: what the later doors need of a decrypted RTP packet, read in one pass, as offsets and values.
public struct PacketInfo: BitwiseCopyable, Sendable {
    /// Stands for "no audio level" in ``audioLevel``.
    public static let noLevel: UInt8 = 255

    // Raw values of `HeaderExtensionKind`, spelled out so that they are constants wherever this is inlined.
    @inlinable static var audioLevelKind: UInt8 { 0 }
    @inlinable static var absoluteSendTimeKind: UInt8 { 2 }
    @inlinable static var mediaIDKind: UInt8 { 4 }
    @inlinable static var transportSequenceKind: UInt8 { 3 }
    @inlinable static var videoOrientationKind: UInt8 { 8 }
    @inlinable static var dependencyDescriptorKind: UInt8 { 11 }

    /// An element of the header extension block that crosses the bridge.
    public struct KeptExtension: BitwiseCopyable, Sendable {
        /// Raw value of its `HeaderExtensionKind`.
        public var kind: UInt8 = ExtensionTable.noKind
        /// Length of its value in bytes.
        public var byteCount: UInt8 = 0
        /// Where its value starts, from the start of the packet.
        public var offset: UInt16 = 0

        /// Nothing.
        @inlinable public init() {}
    }

    /// Synchronization source, as it arrived.
    public var ssrc: UInt32
    /// Media time, as it arrived.
    public var timestamp: UInt32
    /// Sequence number, as it arrived.
    public var sequence: UInt16
    /// Payload type, 0…127.
    public var payloadType: UInt8
    /// Marker bit.
    public var marker: Bool
    /// Length of the packet with header and padding, in bytes.
    public var byteCount: Int
    /// Where the payload starts.
    public var headerBytes: Int
    /// Length of the payload without padding; 0 for a packet of padding alone.
    public var payloadBytes: Int
    /// Length of the padding.
    public var paddingBytes: Int
    /// Audio level in -dBov, 0 loud … 127 silent (RFC 6464); ``noLevel`` without the extension.
    public var audioLevel = noLevel
    /// The V bit of the audio level: the sender believes it is speech.
    public var hasVoice = false
    /// The transport-wide number was there.
    public var hasTransportSequence = false
    /// The transport-wide number.
    public var transportSequence: UInt16 = 0
    /// When it left, as the sender says (24 bits of 2^-18 s); all ones where it does not.
    public var sendTime: UInt32 = .max
    /// How many elements of ``kept`` are filled.
    public var keptCount = 0
    /// The elements that cross the bridge (media-plane.md 4.3).
    public var kept = InlineArray<4, KeptExtension>(repeating: KeptExtension())
    /// The packet starts a frame, of VP9 a layer frame. Known after ``parseVP8(_:)`` or ``parseVP9(_:)``.
    public var isStartOfFrame = false
    /// The packet starts a key frame. Known after ``parseVP8(_:)``, ``parseVP9(_:)``; ``H264Starts`` says it of H.264.
    public var isKeyframe = false
    /// Height of the picture that a key frame starts, in pixels; 0 when unknown.
    public var frameHeight: UInt16 = 0
    /// What else a descriptor says; nothing before ``parseVP8(_:)`` or ``parseVP9(_:)``.
    public var picture = PictureFacts()

    /// The record of no packet, for entries of a batch that are none.
    public init() {
        ssrc = 0
        timestamp = 0
        sequence = 0
        payloadType = 0
        marker = false
        byteCount = 0
        headerBytes = 0
        payloadBytes = 0
        paddingBytes = 0
    }

    /// Reads `packet`, decrypted, as `table`'s endpoint sent it; `nil` when it is no RTP packet.
    @inlinable
    public init?(packet: UnsafeRawBufferPointer, table: ExtensionTable) {
        let bytes = RawSpan(_unsafeBytes: packet)
        let header: RTPHeader
        let padding: Int
        do throws(RTPError) {
            header = try RTPHeader(bytes)
            padding = try header.paddingByteCount(bytes)
        } catch {
            return nil
        }
        // Offsets of kept elements have 16 bits; no datagram is longer.
        guard bytes.byteCount <= Int(UInt16.max) else { return nil }
        self.init(header, bytes, padding: padding, table)
    }

    /// Reads the header of a packet that is not decrypted: payload and padding are not told apart.
    public init?(unopened packet: UnsafeRawBufferPointer, table: ExtensionTable) {
        let bytes = RawSpan(_unsafeBytes: packet)
        guard let header = try? RTPHeader(bytes), bytes.byteCount <= Int(UInt16.max) else { return nil }
        self.init(header, bytes, padding: 0, table)
    }

    @inlinable
    init(_ header: RTPHeader, _ bytes: RawSpan, padding: Int, _ table: ExtensionTable) {
        ssrc = header.ssrc
        timestamp = header.timestamp
        sequence = header.sequence
        payloadType = header.payloadType
        marker = header.marker
        byteCount = bytes.byteCount
        headerBytes = header.headerByteCount
        payloadBytes = bytes.byteCount - header.headerByteCount - padding
        paddingBytes = padding
        if header.extensionByteCount > 0 { readExtensions(header, bytes, table) }
    }

    @inlinable
    mutating func readExtensions(_ header: RTPHeader, _ bytes: RawSpan, _ table: ExtensionTable) {
        var reader = HeaderExtensionReader(header)
        // Ends: the reader has a budget of elements.
        while let element = reader.next(in: bytes) {
            switch table.kind(ofID: element.id) {
            case Self.audioLevelKind where element.byteCount >= 1:
                let value = bytes.uint8(at: element.offset)
                audioLevel = value & 0x7F
                hasVoice = value & 0x80 != 0
                keep(element, Self.audioLevelKind)
            case Self.transportSequenceKind where element.byteCount >= 2:
                hasTransportSequence = true
                transportSequence = bytes.uint16(at: element.offset)
            case Self.absoluteSendTimeKind where element.byteCount >= 3:
                sendTime = bytes.uint24(at: element.offset)
            case Self.videoOrientationKind:
                keep(element, Self.videoOrientationKind)
            case Self.dependencyDescriptorKind:
                keep(element, Self.dependencyDescriptorKind)
            default:
                break
            }
        }
    }

    @inlinable
    mutating func keep(_ element: HeaderExtensionElement, _ kind: UInt8) {
        guard keptCount < ForwardingLimits.keptExtensions else { return }
        kept[keptCount].kind = kind
        kept[keptCount].byteCount = UInt8(truncatingIfNeeded: element.byteCount)
        kept[keptCount].offset = UInt16(truncatingIfNeeded: element.offset)
        keptCount += 1
    }

    /// Where the dependency descriptor lies.
    public var dependencyDescriptor: KeptExtension? {
        for index in 0..<keptCount where kept[index].kind == Self.dependencyDescriptorKind { return kept[index] }
        return nil
    }

    /// Takes the dependency descriptor out of what crosses the bridge: formats that describe their frames themselves
    /// do without (media-plane.md 4.3, 16.5.6).
    @inlinable
    public mutating func dropDependencyDescriptor() {
        var index = 0
        while index < keptCount {
            guard kept[index].kind == Self.dependencyDescriptorKind else {
                index += 1
                continue
            }
            keptCount -= 1
            // Order does not matter.
            kept[index] = kept[keptCount]
        }
    }

    /// Whether a VP8 packet is the last one of its frame: its marker says so (media-plane.md 5.3).
    @inlinable public var isEndOfFrame: Bool { marker }

    /// Whether the packet carries padding alone: never forwarded, its number is closed up (media-plane.md 6.5, 6.6).
    @inlinable public var isPaddingOnly: Bool { payloadBytes == 0 }

    /// Reads the VP8 payload descriptor. Call it for packets whose payload type is VP8, with the same `packet`.
    /// - Returns: `false` when the descriptor is cut off; the packet then starts nothing.
    @inlinable @discardableResult
    public mutating func parseVP8(_ packet: UnsafeRawBufferPointer) -> Bool {
        let bytes = RawSpan(_unsafeBytes: packet)
        let end = headerBytes + payloadBytes
        guard let descriptor = VP8Descriptor(bytes, from: headerBytes, to: end) else { return false }
        picture = PictureFacts(descriptor)
        guard descriptor.isStartOfFrame else { return true }
        isStartOfFrame = true
        guard let frame = VP8FrameHeader(bytes, from: headerBytes + descriptor.byteCount, to: end) else { return true }
        isKeyframe = frame.isKeyframe
        frameHeight = frame.height
        return true
    }

    /// Reads the VP9 payload descriptor. Call it for packets whose payload type is VP9, with the same `packet`.
    /// - Returns: what the stream says of its layers, if this packet does; `nil` also when the descriptor is cut off:
    ///   the packet then starts nothing.
    @inline(__always)
    public mutating func parseVP9(_ packet: UnsafeRawBufferPointer) -> VP9ScalabilityStructure? {
        let bytes = RawSpan(_unsafeBytes: packet)
        let end = headerBytes + payloadBytes
        guard let descriptor = VP9Descriptor(bytes, from: headerBytes, to: end) else { return nil }
        picture = PictureFacts(descriptor, spatialLayers: 0)
        isStartOfFrame = descriptor.isStartOfFrame
        isKeyframe = picture.startsKeyPicture
        guard descriptor.hasScalabilityStructure else { return nil }
        return readStructure(bytes, from: headerBytes + descriptor.structureOffset, to: end)
    }

    /// Few packets have one, and it is large.
    @inline(never)
    private mutating func readStructure(_ bytes: RawSpan, from offset: Int, to end: Int) -> VP9ScalabilityStructure? {
        let structure = VP9ScalabilityStructure(bytes, from: offset, to: end)
        picture.spatialLayers = UInt8(truncatingIfNeeded: structure?.spatialLayers ?? 0)
        return structure
    }
}
