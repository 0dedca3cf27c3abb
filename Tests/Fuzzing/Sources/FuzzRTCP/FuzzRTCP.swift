// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import FuzzDriver
import Primitives
import RTP

/// Compound RTCP: every packet, every entry, every status.
@main struct FuzzRTCP {
    static func main() {
        fuzz { bytes, count in
            let datagram = input(bytes, count)
            var incoming = IncomingRTCP()
            while let action = incoming.next(in: datagram.rawSpan) {
                guard case .transportFeedback(let packet) = action,
                    var statuses = TransportWideReader(packet, in: datagram.rawSpan)
                else { continue }
                var found = 0
                while statuses.next(in: datagram.rawSpan) != nil { found += 1 }
                require(found <= statuses.statusCount, "more statuses than announced")
            }
            return 0
        }
    }
}
