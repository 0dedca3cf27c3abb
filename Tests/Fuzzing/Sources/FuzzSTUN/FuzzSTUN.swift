// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import ICE
import Primitives

/// STUN messages, the look at datagrams from unknown addresses, records of sessions.
@main struct FuzzSTUN {
    static func main() {
        fuzz { bytes, count in
            let datagram = input(bytes, count)
            if let range = STUNPeek.localUfragRange(of: datagram.rawSpan) {
                let name = datagram.rawSpan.slice(range.lowerBound, count: range.count)
                _ = UserFragment.decode(name)
            }
            _ = STUNPeek.responseOwner(of: datagram.rawSpan)
            if let record = try? ICESessionRecord(datagram.rawSpan) {
                let again = try? ICESessionRecord(record.encode().rawSpan)
                require(again?.encode() == record.encode(), "a record changes when it is written again")
            }
            guard let message = try? STUNMessage(datagram.rawSpan) else { return 0 }
            _ = message.hasValidIntegrity(key: [1, 2, 3])
            _ = message.hasValidFingerprint
            _ = message.username?.toArray()
            return 0
        }
    }
}
