// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import VideoPayload

/// VP9 payload descriptors and scalability structures (RFC 9628), and the patch of their numbers.
@main struct FuzzVP9 {
    static func main() {
        fuzz { bytes, count in
            var payload = input(bytes, count)
            guard var descriptor = VP9Descriptor(payload.rawSpan, from: 0, to: payload.count) else { return 0 }
            require(descriptor.byteCount <= payload.count, "the descriptor is longer than the payload")
            if descriptor.hasScalabilityStructure {
                let offset = descriptor.structureOffset
                let structure = VP9ScalabilityStructure(payload.rawSpan, from: offset, to: payload.count)
                require(structure.map { offset + $0.byteCount } == descriptor.byteCount, "two opinions on a length")
                require((1...8).contains(structure?.temporalLayers ?? 0), "temporal layers")
            }
            let fields = descriptor.pictureFields
            let isPatched = payload.withUnsafeMutableBytes { buffer in
                var raw = MutableRawSpan(_unsafeBytes: buffer)
                return fields.patch(pictureID: 0x5A5A, tl0PictureIndex: 0xA5, in: &raw, at: 0)
            }
            require(isPatched, "a descriptor without room for its own fields")
            if descriptor.pictureID >= 0 { descriptor.pictureID = Int16(0x5A5A & fields.pictureIDMask) }
            if descriptor.tl0PictureIndex >= 0 { descriptor.tl0PictureIndex = 0xA5 }
            require(
                VP9Descriptor(payload.rawSpan, from: 0, to: payload.count) == descriptor, "the patch changed more")
            return 0
        }
    }
}
