// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import FuzzDriver

/// Configuration files, and the properties of older packages: what follows a zero byte.
@main struct FuzzHOCON {
    static func main() {
        fuzz { bytes, count in
            let all = input(bytes, count)
            let parts = all.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
            let legacy = parts.count > 1 ? LegacyFile(file: "fuzz.properties", bytes: parts[1]) : nil
            _ = try? BridgeSettings.load(
                parts.first ?? [], file: "fuzz.conf", environment: ["HOME": "/"], legacy: legacy)
            return 0
        }
    }
}
