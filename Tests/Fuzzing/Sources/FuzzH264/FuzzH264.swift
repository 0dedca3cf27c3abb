// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import VideoPayload

/// H.264 payloads (RFC 6184).
@main struct FuzzH264 {
    static func main() {
        fuzz { bytes, count in
            let bytes = input(bytes, count)
            guard let payload = H264Payload(bytes.rawSpan, from: 0, to: bytes.count) else { return 0 }
            require(!payload.isKeyframe || payload.startsUnit, "a key frame that does not start")
            return 0
        }
    }
}
