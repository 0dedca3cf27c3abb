// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import FuzzDriver
import OpenSSL
import Primitives

/// A DTLS transport in either role that gets datagrams from the input.
@main struct FuzzDTLS {
    /// Made once: a key pair costs more than everything else here.
    static let identity = try? DTLSIdentity(wallSeconds: 1_700_000_000)

    static func main() {
        fuzz { bytes, count in
            guard let identity = FuzzDTLS.identity else { return 0 }
            var script = Script(input(bytes, count))
            let mode = script.next()
            var now = Timestamp.zero
            var transport = DTLSTransport(
                identity: identity, profiles: SRTPProfile.allCases, at: now)
            transport.addFingerprints([("sha-256", [UInt8](repeating: 1, count: 32))])
            if mode & 1 == 0 { transport.start(mode & 2 == 0 ? .server : .client, at: now) }
            for _ in 0..<20 where !script.isAtEnd {
                let size = Int(script.next()) << 8 | Int(script.next())
                transport.handle(script.take(size & 0x7FF).rawSpan, at: now)
                while transport.pollTransmit() != nil {}
                while transport.pollEvent() != nil {}
                now = now + .milliseconds(Int64(size >> 4))
                transport.handleTimeout(at: now)
            }
            if mode & 1 == 1 { transport.start(.server, at: now) }
            while transport.pollTransmit() != nil {}
            while transport.pollEvent() != nil {}
            return 0
        }
    }
}
