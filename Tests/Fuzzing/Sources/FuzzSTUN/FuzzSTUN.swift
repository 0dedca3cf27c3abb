// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import ICE
import Primitives

/// STUN messages and the look at datagrams from unknown addresses.
@main struct FuzzSTUN {
    static func main() {
        fuzz { bytes, count in
            let datagram = input(bytes, count)
            if let range = STUNPeek.localUfragRange(of: datagram.rawSpan) {
                let name = datagram.rawSpan.slice(range.lowerBound, count: range.count)
                _ = UserFragment.decode(name)
            }
            guard let message = try? STUNMessage(datagram.rawSpan) else { return 0 }
            _ = message.hasValidIntegrity(key: [1, 2, 3])
            _ = message.hasValidFingerprint
            _ = message.username?.toArray()
            return 0
        }
    }
}
