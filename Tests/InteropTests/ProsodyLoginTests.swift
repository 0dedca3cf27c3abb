// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import Testing
import XML
import XMPP

@Suite("Prosody login", .enabled(if: ProsodyServer.isAvailable))
struct ProsodyLoginTests {
    @Test("T1: a server that starts after the bridge is joined, and statistics arrive at once")
    func lateServer() async throws {
        let prosody = try ProsodyServer()
        let bench = try XMPPBench()
        let bridge = bench.bridge(port: prosody.port)
        #expect(try await bench.wait(2) { bridge.disconnects.count >= 2 })
        #expect(bridge.disconnects.allSatisfy { if case .connectFailed = $0 { true } else { false } })
        try await prosody.start()
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { bridge.isInRoom && focus.statistics(of: "via-1") != nil })
        #expect(focus.statistics(of: "via-1") == ["healthy": "true", "drain": "false", "stress_level": "0.1"])
        #expect(bridge.events.contains { if case .online(_, false, true) = $0 { true } else { false } })
    }
}
