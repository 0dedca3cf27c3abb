// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import XMPP

/// An XMPP client whose server is the input.
@main struct FuzzXMPP {
    static func main() {
        fuzz { bytes, count in
            let text = input(bytes, count)
            var now = Timestamp.zero
            var settings = XMPPSettings(
                id: "fuzz", host: "127.0.0.1", username: "u", password: "p", rooms: ["room@muc.example"], nickname: "n")
            settings.reportsOccupants = true
            settings.handledPayloads = [PayloadName("conference-modify", "jitsi:colibri2")]
            var client = XMPPClient(settings, random: Random(seed: 1), at: now)
            client.handleTimeout(at: now)
            FuzzXMPP.drain(&client)
            client.handleConnected(nonce: [UInt8](repeating: 7, count: 24), at: now)
            // A line end separates what comes in one read; a form feed makes time pass.
            for part in text.split(separator: 0x0A, maxSplits: 60, omittingEmptySubsequences: false) {
                if part.first == 0x0C {
                    now = now + .seconds(Int64(part.count))
                    client.handleTimeout(at: now)
                } else {
                    client.handle(Array(part).rawSpan, at: now)
                }
                FuzzXMPP.drain(&client)
            }
            return 0
        }
    }

    fileprivate static func drain(_ client: inout XMPPClient) {
        while client.pollBytes() != nil {}
        while client.pollAction() != nil {}
        while client.pollEvent() != nil {}
    }
}
