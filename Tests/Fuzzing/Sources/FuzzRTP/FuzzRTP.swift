// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import FuzzDriver
import Primitives
import RTP
import ShardMessages

/// RTP headers, header extensions, the packet record of the forwarding path, redundant audio.
@main struct FuzzRTP {
    static func main() {
        fuzz { bytes, count in
            let packet = input(bytes, count)
            if let header = try? RTPHeader(packet.rawSpan) {
                require(header.headerByteCount <= packet.count, "the header is longer than the packet")
                require(RTPHeader.headerByteCount(packet.rawSpan) == header.headerByteCount, "two opinions on a length")
                var reader = HeaderExtensionReader(header)
                while let element = reader.next(in: packet.rawSpan) {
                    require(
                        element.offset + element.byteCount <= header.headerByteCount, "an element leaves the header")
                }
            }
            var table = ExtensionTable()
            for kind in HeaderExtensionKind.allCases { table.map(kind, to: kind.rawValue + 1) }
            packet.withUnsafeBytes { buffer in
                guard var record = PacketInfo(packet: buffer, table: table) else { return }
                require(record.headerBytes + record.payloadBytes + record.paddingBytes == packet.count, "lengths")
                _ = record.parseVP8(buffer)
                let end = record.headerBytes + record.payloadBytes
                if let content = RedundantAudio(packet.rawSpan, from: record.headerBytes, to: end) {
                    for block in [content.primary, content.secondary, content.tertiary].compactMap({ $0 }) {
                        require(
                            block.offset >= record.headerBytes && block.offset + block.byteCount <= end,
                            "a block leaves the payload")
                    }
                }
            }
            return 0
        }
    }
}
