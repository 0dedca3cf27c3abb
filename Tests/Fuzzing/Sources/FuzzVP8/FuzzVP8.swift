// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import VideoPayload

/// VP8 payload descriptors and frame headers (RFC 7741).
@main struct FuzzVP8 {
    static func main() {
        fuzz { bytes, count in
            let payload = input(bytes, count)
            guard let descriptor = VP8Descriptor(payload.rawSpan, from: 0, to: payload.count) else { return 0 }
            require(descriptor.byteCount <= payload.count, "the descriptor is longer than the payload")
            _ = VP8FrameHeader(payload.rawSpan, from: descriptor.byteCount, to: payload.count)
            var copy = [UInt8](repeating: 0, count: 16)
            let written = copy.withUnsafeMutableBytes { buffer in
                var writer = BufferWriter(buffer)
                descriptor.write(to: &writer)
                return writer.count
            }
            let again = VP8Descriptor(copy.rawSpan, from: 0, to: written)
            require(again?.pictureID == descriptor.pictureID, "the picture id does not survive")
            require(again?.temporalID == descriptor.temporalID, "the temporal id does not survive")
            return 0
        }
    }
}
