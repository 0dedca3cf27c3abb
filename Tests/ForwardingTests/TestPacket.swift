// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages

/// Builds decrypted RTP packets for tests.
struct TestPacket {
    var marker = false
    var payloadType: UInt8 = 100
    var sequence: UInt16 = 1
    var timestamp: UInt32 = 0
    var ssrc: UInt32 = 0xAAAA
    var csrcs = 0
    var form: HeaderExtensionForm = .oneByte
    /// Id and value of each element.
    var extensions: [[UInt8]] = []
    var payload: [UInt8] = [1, 2, 3, 4]
    var padding = 0

    var bytes: [UInt8] {
        var bytes = BufferWriter.array(capacity: 4_096) { writer in
            RTPHeader.write(
                marker: marker, payloadType: payloadType, sequence: sequence, timestamp: timestamp, ssrc: ssrc,
                hasExtension: !extensions.isEmpty, to: &writer)
            for index in 0..<csrcs { writer.uint32(UInt32(index)) }
            if !extensions.isEmpty {
                let block = HeaderExtensionWriter(form, to: &writer)
                for element in extensions { block.append(id: element[0], Array(element[1...]).rawSpan, to: &writer) }
                block.finish(&writer)
            }
        }
        bytes[0] |= UInt8(csrcs) | (padding > 0 ? 0x20 : 0)
        bytes += payload
        if padding > 0 { bytes += [UInt8](repeating: 0, count: padding - 1) + [UInt8(padding)] }
        return bytes
    }

    func info(_ table: ExtensionTable = ExtensionTable()) -> PacketInfo { Self.info(bytes, table)! }

    static func info(_ bytes: [UInt8], _ table: ExtensionTable) -> PacketInfo? {
        bytes.withUnsafeBytes { PacketInfo(packet: $0, table: table) }
    }
}

extension ExtensionTable {
    init(_ mappings: [HeaderExtensionKind: UInt8], allowsMixed: Bool = false) {
        self.init()
        for (kind, id) in mappings { map(kind, to: id) }
        self.allowsMixed = allowsMixed
    }

    /// The numbers of a default deployment (media-plane.md 4.1).
    static let usual = ExtensionTable([
        .audioLevel: 1, .absoluteSendTime: 3, .rid: 4, .transportWideCC: 5, .videoOrientation: 6, .mid: 10,
        .videoLayersAllocation: 12,
    ])
}
