// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import RTP

/// Door 7: the header of a packet as one receiver shall see it.
public enum HeaderRewriter {
    /// Writes a new header for the packet that `info` describes; the payload is the caller's to encrypt behind it.
    ///
    /// No contributing sources, and of the sender's padding no trace. Of the extensions only those that `info` kept,
    /// under the receiver's numbers; what the receiver did not negotiate is left out. The block has one-byte form
    /// unless an element needs the other and the receiver allows it; otherwise such elements are left out
    /// (media-plane.md 4.2).
    ///
    /// A dependency descriptor goes only to receivers that allow the two-byte form: descriptors of key frames need it,
    /// and without those the others cannot be read.
    /// - Parameters:
    ///   - packet: the packet `info` was read from.
    ///   - slot: where the header goes; ``ForwardingLimits/headerBytes`` always suffice.
    ///   - setsMarker: sets the marker bit, which otherwise stays as it is.
    ///   - hasPadding: sets the padding bit, for a payload that ends with padding of the caller's.
    ///   - descriptor: what is written over a dependency descriptor; `nil` leaves it as it is.
    ///   - sendTime: for the receiver's abs-send-time; `nil` writes none.
    ///   - mediaID: of the receiver's media line; written where the receiver has negotiated that.
    /// - Returns: length of the header in bytes; 0 when it does not fit `slot`.
    @inlinable
    public static func write(
        _ info: PacketInfo, from packet: UnsafeRawBufferPointer, into slot: UnsafeMutableRawBufferPointer,
        receiver: ExtensionTable, ssrc: UInt32, sequence: UInt16, timestamp: UInt32, payloadType: UInt8,
        setsMarker: Bool = false, hasPadding: Bool = false, descriptor: DescriptorNumbers? = nil,
        sendTime: AbsoluteSendTime? = nil, mediaID: MediaID = .none
    ) -> Int {
        var writer = BufferWriter(slot)
        let hasNone = info.keptCount == 0 && sendTime == nil && mediaID.isNone
        let form = hasNone ? nil : form(info, receiver, isStamped: sendTime != nil, mediaID)
        RTPHeader.write(
            marker: info.marker || setsMarker, payloadType: payloadType, sequence: sequence, timestamp: timestamp,
            ssrc: ssrc, hasPadding: hasPadding, hasExtension: form != nil, to: &writer)
        if let form {
            let bytes = RawSpan(_unsafeBytes: packet)
            let block = HeaderExtensionWriter(form, to: &writer)
            for index in 0..<info.keptCount {
                let element = info.kept[index]
                let id = number(of: element.kind, for: receiver)
                let size = Int(element.byteCount)
                guard id != 0, Int(element.offset) + size <= bytes.byteCount else { continue }
                block.append(id: id, bytes.slice(Int(element.offset), count: size), to: &writer)
                if let descriptor, element.kind == PacketInfo.dependencyDescriptorKind {
                    descriptor.write(over: slot, from: writer.count - size, to: writer.count)
                }
            }
            if let sendTime {
                block.append(id: receiver.id(of: PacketInfo.absoluteSendTimeKind), uint24: sendTime.value, to: &writer)
            }
            if !mediaID.isNone { append(mediaID, receiver, block, &writer) }
            block.finish(&writer)
        }
        return writer.isTruncated ? 0 : writer.count
    }

    /// The form of the block; `nil` when nothing is left to write.
    @inlinable
    static func form(
        _ info: PacketInfo, _ receiver: ExtensionTable, isStamped: Bool, _ mediaID: MediaID
    ) -> HeaderExtensionForm? {
        var form: HeaderExtensionForm?
        if !mediaID.isNone, case let id = receiver.id(of: PacketInfo.mediaIDKind), id != 0 {
            if HeaderExtensionForm.fitsOneByte(id: id, byteCount: mediaID.byteCount) {
                form = .oneByte
            } else if receiver.allowsMixed {
                return .twoByte
            }
        }
        if isStamped, case let id = receiver.id(of: PacketInfo.absoluteSendTimeKind), id != 0 {
            if HeaderExtensionForm.fitsOneByte(id: id, byteCount: 3) {
                form = .oneByte
            } else if receiver.allowsMixed {
                return .twoByte
            }
        }
        for index in 0..<info.keptCount {
            let id = number(of: info.kept[index].kind, for: receiver)
            guard id != 0 else { continue }
            if HeaderExtensionForm.fitsOneByte(id: id, byteCount: Int(info.kept[index].byteCount)) {
                form = form ?? .oneByte
            } else if receiver.allowsMixed {
                return .twoByte
            }
        }
        return form
    }

    @usableFromInline @inline(never)
    static func append(
        _ mediaID: MediaID, _ receiver: ExtensionTable, _ block: HeaderExtensionWriter, _ writer: inout BufferWriter
    ) {
        let id = receiver.id(of: PacketInfo.mediaIDKind)
        guard id != 0 else { return }
        let text = mediaID.bytes
        block.append(id: id, text.span.bytes.slice(0, count: mediaID.byteCount), to: &writer)
    }

    /// The receiver's number for elements of this kind; 0 when it gets none.
    @inlinable @inline(__always)
    static func number(of kind: UInt8, for receiver: ExtensionTable) -> UInt8 {
        kind == PacketInfo.dependencyDescriptorKind && !receiver.allowsMixed ? 0 : receiver.id(of: kind)
    }
}
