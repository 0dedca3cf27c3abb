// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import VideoPayload

/// How one receiver's copy of a packet differed from what the sender sent, beyond its numbers: all that is needed to
/// make the same packet again.
public struct PacketPatch: BitwiseCopyable, Hashable, Sendable {
    /// Which patches there were. Four bits; the others are not kept.
    public struct Fields: OptionSet, BitwiseCopyable, Hashable, Sendable {
        /// The bits.
        public let rawValue: UInt8
        /// The fields with these bits; those above the lowest four are dropped.
        public init(rawValue: UInt8) { self.rawValue = rawValue & Self.mask }

        static var mask: UInt8 { 0x0F }
        /// ``PacketPatch/pictureID`` was written into the payload.
        public static let pictureID = Fields(rawValue: 1)
        /// ``PacketPatch/layerIndex`` was written into the payload.
        public static let layerIndex = Fields(rawValue: 2)
        /// The marker bit was set: the picture ended here for this receiver.
        public static let marker = Fields(rawValue: 4)
        /// Both numbers of a picture.
        public static var picture: Fields { Fields(rawValue: 3) }
        /// Those, and the marker.
        public static var lastOfPicture: Fields { Fields(rawValue: 7) }
    }

    /// Added to the media time.
    public var timestampOffset: UInt32
    /// Picture identifier as it left (VP8, VP9), or frame number (dependency descriptor).
    public var pictureID: UInt16
    /// TL0PICIDX as it left, or the codec filter's own byte.
    public var layerIndex: UInt8
    /// Which of the above were written.
    public var fields: Fields

    /// A patch; without arguments one that changes nothing.
    public init(timestampOffset: UInt32 = 0, pictureID: UInt16 = 0, layerIndex: UInt8 = 0, fields: Fields = []) {
        self.timestampOffset = timestampOffset
        self.pictureID = pictureID
        self.layerIndex = layerIndex
        self.fields = fields
    }

    /// What was written over the dependency descriptor of the packet, if its frame was known by that.
    func descriptor(of info: PacketInfo) -> DescriptorNumbers? {
        guard info.picture.flags.contains(.described), fields.contains(.pictureID) else { return nil }
        return DescriptorNumbers(templateDelta: layerIndex, frameNumber: pictureID)
    }

    /// Writes into a repeat's payload what was written when the packet was sent first. The payload keeps its length.
    /// - Parameters:
    ///   - slot: the repeat, in plaintext.
    ///   - info: of the stored packet.
    ///   - offset: where the original payload begins in `slot`.
    public func apply(to slot: UnsafeMutableRawBufferPointer, of info: PacketInfo, at offset: Int) {
        guard fields.contains(.pictureID) || fields.contains(.layerIndex), offset + info.payloadBytes <= slot.count
        else { return }
        var span = UnsafeMutableRawBufferPointer(rebasing: slot[..<(offset + info.payloadBytes)]).mutableBytes
        info.picture.fields.patch(pictureID: pictureID, tl0PictureIndex: layerIndex, in: &span, at: offset)
    }
}
