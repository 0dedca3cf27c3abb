// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import VideoPayload

/// The extension "video layers allocation": what is read is written and read again.
@main struct FuzzLayersAllocation {
    static func main() {
        fuzz { bytes, count in
            let value = input(bytes, count)
            guard let allocation = VideoLayersAllocation(value.rawSpan, from: 0, to: value.count) else { return 0 }
            require(allocation.layerCount <= 16 && allocation.streamCount <= 4, "more layers than there are")
            let again = BufferWriter.array(capacity: 400) { allocation.write(to: &$0) }
            require(again.count <= value.count, "written longer than it came")
            require(
                VideoLayersAllocation(again.rawSpan, from: 0, to: again.count) == allocation, "written otherwise")
            return 0
        }
    }
}
