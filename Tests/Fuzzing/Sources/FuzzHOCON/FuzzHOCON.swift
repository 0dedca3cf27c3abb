// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import FuzzDriver

/// Configuration files.
@main struct FuzzHOCON {
    static func main() {
        fuzz { bytes, count in
            _ = try? BridgeSettings.load(input(bytes, count), file: "fuzz.conf", environment: ["HOME": "/"])
            return 0
        }
    }
}
