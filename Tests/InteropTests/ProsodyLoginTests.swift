// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import Testing
import XML
import XMPP

@testable import ControlPlane

@Suite("Prosody login", .needsProsody)
struct ProsodyLoginTests {
    /// Starts a server with `options` and expects a bridge with the settings of `change` to come into the room.
    private func expectLogin(
        _ options: ProsodyServer.Options, _ change: (inout XMPPSettings) -> Void = { _ in }
    ) async throws -> (bench: XMPPBench, bridge: Party, prosody: ProsodyServer) {
        let prosody = try ProsodyServer(options)
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port, change)
        #expect(try await bench.wait { bridge.isInRoom }, "\(bridge.events.suffix(4)) \(prosody.log())")
        return (bench, bridge, prosody)
    }

    @Test("a server that does not get its port is an error, not a test on another test's server")
    func takenPort() async throws {
        let first = try ProsodyServer()
        try await first.start()
        let second = try ProsodyServer(port: first.port)
        await #expect(throws: SetupError.self) { try await second.start() }
        withExtendedLifetime(first) {}
    }

    @Test("T1: a server that starts after the bridge is joined, and statistics arrive at once")
    func lateServer() async throws {
        let prosody = try ProsodyServer()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port)
        #expect(try await bench.wait { bridge.disconnects.count >= 2 })
        #expect(bridge.disconnects.allSatisfy { if case .connectFailed = $0 { true } else { false } })
        try await prosody.start()
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { bridge.isInRoom && focus.statistics(of: "via-1") != nil })
        #expect(focus.statistics(of: "via-1") == ["healthy": "true", "drain": "false", "stress_level": "0.1"])
        #expect(bridge.events.contains { if case .online(_, false, true) = $0 { true } else { false } })
    }

    @Test("T2: a wrong password is tried again until it is right")
    func wrongPassword() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port) { $0.password = "changed" }
        #expect(try await bench.wait { bridge.disconnects.count >= 2 })
        #expect(bridge.disconnects.allSatisfy { $0 == .loginRefused("not-authorized") })
        try prosody.register("jvb", "changed")
        #expect(try await bench.wait { bridge.isInRoom })
    }

    @Test("a domain that the server does not serve is told as such, and tried again")
    func wrongDomain() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port) { $0.domain = "nobody.bridge.test" }
        #expect(try await bench.wait { bridge.disconnects.count >= 2 })
        #expect(bridge.disconnects.allSatisfy { $0 == .streamError("host-unknown") }, "\(bridge.disconnects)")
        #expect(bridge.disconnects.first?.message.hasSuffix("check DOMAIN") == true)
    }

    @Test("T3: a certificate of an unknown authority is refused")
    func unknownAuthority() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port) { $0.verifiesCertificate = true }
        #expect(try await bench.wait { bridge.disconnects.count >= 2 })
        for reason in bridge.disconnects {
            guard case .tlsFailed(let text) = reason else {
                #expect(Bool(false), "\(reason)")
                continue
            }
            #expect(text.contains("self-signed certificate"))
        }
    }

    @Test("T3: a certificate of a known authority is accepted, for its own name only")
    func knownAuthority() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port) {
            $0.verifiesCertificate = true
            $0.authoritiesFile = prosody.certificateFile
        }
        #expect(try await bench.wait { bridge.isInRoom }, "\(bridge.disconnects)")
        let stranger = bench.bridge(port: prosody.port, nickname: "via-2") {
            $0.verifiesCertificate = true
            $0.authoritiesFile = prosody.certificateFile
            $0.domain = "other.bridge.test"
        }
        #expect(try await bench.wait { !stranger.disconnects.isEmpty })
        guard case .tlsFailed(let text)? = stranger.disconnects.first else {
            // Prosody may refuse the unknown host before TLS begins.
            #expect(stranger.disconnects.first == .streamError("host-unknown"))
            return
        }
        #expect(text.contains("hostname mismatch"))
    }

    @Test("T4: a server that offers PLAIN alone")
    func plainOnly() async throws {
        var options = ProsodyServer.Options()
        options.global = "disable_sasl_mechanisms = { \"SCRAM-SHA-1\", \"SCRAM-SHA-1-PLUS\", \"DIGEST-MD5\" }"
        _ = try await expectLogin(options)
    }

    @Test("T4: a server that offers SCRAM-SHA-1 alone")
    func scramOnly() async throws {
        var options = ProsodyServer.Options()
        options.global = "disable_sasl_mechanisms = { \"PLAIN\" }"
        _ = try await expectLogin(options)
    }

    @Test("T4: a server that offers SCRAM-SHA-256 alone")
    func scram256() async throws {
        var options = ProsodyServer.Options()
        options.global = "password_hash = \"SHA-256\"\ndisable_sasl_mechanisms = { \"PLAIN\" }"
        _ = try await expectLogin(options)
    }

    @Test("T4: a server that also offers channel binding")
    func channelBinding() async throws {
        var options = ProsodyServer.Options()
        options.global = "disable_sasl_mechanisms = { \"PLAIN\" }"
        // Over TLS 1.2 Prosody 0.12 offers SCRAM-SHA-1-PLUS.
        options.tls = "protocol = \"tlsv1_2\","
        _ = try await expectLogin(options)
    }

    @Test("TLS off: the bridge logs in with SCRAM where it is told to or may")
    func withoutTLS() async throws {
        var options = ProsodyServer.Options()
        options.requiresEncryption = false
        options.hasCertificate = false
        options.host += "\nmodules_disabled = { \"tls\" }"
        let (bench, bridge, prosody) = try await expectLogin(options) { $0.security = .disabled }
        #expect(bridge.events.contains { if case .online(_, _, false) = $0 { true } else { false } })
        let lenient = bench.bridge(port: prosody.port, nickname: "via-2") { $0.security = .ifPossible }
        let strict = bench.bridge(port: prosody.port, nickname: "via-3") { $0.security = .required }
        #expect(try await bench.wait { lenient.isInRoom && !strict.disconnects.isEmpty })
        #expect(strict.disconnects.first == .tlsNotOffered)
    }

    @Test("a server that wants TLS is not entered with TLS disabled")
    func disabledButRequired() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port) { $0.security = .disabled }
        #expect(try await bench.wait { !bridge.disconnects.isEmpty })
        #expect(bridge.disconnects.first == .noMechanism)
        let lenient = bench.bridge(port: prosody.port) { $0.security = .ifPossible }
        #expect(try await bench.wait { lenient.isInRoom })
        #expect(lenient.events.contains { if case .online(_, _, true) = $0 { true } else { false } })
    }

    @Test("T29: two servers are independent of each other")
    func twoServers() async throws {
        let first = try ProsodyServer()
        let second = try ProsodyServer()
        try await first.start()
        try await second.start()
        let bench = try XMPPBench(first, second)
        let one = bench.bridge(port: first.port)
        let two = bench.bridge(port: second.port, id: "shard1")
        #expect(try await bench.wait { one.isInRoom && two.isInRoom })
        first.kill()
        try await first.waitForEnd()
        #expect(try await bench.wait { !one.connection.isOnline })
        #expect(two.isInRoom && two.disconnects.isEmpty)
        try await first.start()
        #expect(try await bench.wait { one.isInRoom })
        #expect(two.disconnects.isEmpty && two.joins == 1)
    }
}
