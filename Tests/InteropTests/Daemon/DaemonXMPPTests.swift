// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// An XMPP server that does not want the bridge, or is not there: the log says so in words, the bridge goes on.
@Suite("Daemon: XMPP trouble", .needsProsody)
struct DaemonXMPPTests {
    @Test("a wrong password is told, tried again, and accepted once the server has changed it")
    func wrongPassword() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        try await withDaemon(Daemon.client(port: Int(prosody.port), password: "changed")) { daemon in
            let complaint = "The XMPP server refused the login; check USERNAME and PASSWORD detail=not-authorized"
            #expect(try await daemon.waitForLog(complaint), "\(daemon.log)")
            #expect(daemon.log.contains("retry_ms="))
            #expect(daemon.status("/about/health") == 200)
            try prosody.register("jvb", "changed")
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
            #expect(!daemon.log.contains("changed"), "the password stays out of the log")
        }
    }

    @Test("a certificate of an unknown authority is told and tried again")
    func unknownAuthority() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        try await withDaemon(Daemon.client(port: Int(prosody.port), verifiesCertificate: true)) {
            (daemon: Daemon) async throws in
            #expect(try await daemon.waitForLog("TLS with the XMPP server failed", count: 2), "\(daemon.log)")
            #expect(daemon.log.contains("certificate"), "\(daemon.log)")
            #expect(daemon.count("Logged in") == 0)
            #expect(daemon.status("/about/health") == 200)
        }
    }

    @Test("a private authority is believed when CA_FILE or OpenSSL's own variable names it, and a missing file is told")
    func privateAuthority() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let port = Int(prosody.port)
        let named = Daemon.client(
            port: port, verifiesCertificate: true, more: "CA_FILE = \"\(prosody.certificateFile)\"")
        try await withDaemon(named) { (daemon: Daemon) async throws in
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
        }
        let unnamed = Daemon.client(port: port, verifiesCertificate: true)
        try await withDaemon(unnamed, environment: ["SSL_CERT_FILE": prosody.certificateFile]) {
            (daemon: Daemon) async throws in
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
        }
        let missing = Daemon.client(port: port, verifiesCertificate: true, more: "CA_FILE = /nonexistent/ca.pem")
        try await withDaemon(missing) { (daemon: Daemon) async throws in
            #expect(try await daemon.waitForLog("TLS with the XMPP server failed", count: 2), "\(daemon.log)")
            #expect(daemon.log.contains("/nonexistent/ca.pem"), "\(daemon.log)")
            #expect(daemon.count("Logged in") == 0)
        }
    }

    @Test("a server that refuses connections is told and tried again until it is there")
    func refusedConnections() async throws {
        let prosody = try ProsodyServer()
        try await withDaemon(Daemon.client(port: Int(prosody.port))) { daemon in
            #expect(try await daemon.waitForLog("Could not connect to the XMPP server"), "\(daemon.log)")
            #expect(daemon.log.lowercased().contains("refused"), "\(daemon.log)")
            #expect(daemon.status("/about/health") == 200)
            try await prosody.start()
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
        }
    }

    @Test("a server that accepts and then says nothing is told and tried again; a pause is not even noticed")
    func slowServer() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let proxy = try CuttableProxy(target: prosody.port)
        proxy.start()
        defer { proxy.stop() }
        proxy.freeze()
        try await withDaemon(Daemon.client(port: Int(proxy.port))) { daemon in
            #expect(try await daemon.waitForLog("A step of the XMPP login took too long"), "\(daemon.log)")
            #expect(daemon.status("/about/health") == 200)
            proxy.mend()
            #expect(try await daemon.waitForLog("Joined the brewery", seconds: 30), "\(daemon.log)")
            proxy.freeze()
            try await Task.sleep(for: .seconds(3))
            proxy.mend()
            try await Task.sleep(for: .seconds(1))
            #expect(daemon.count("retry_ms=") == 1, "\(daemon.log)")
            #expect(daemon.count("Joined the brewery") == 1)
        }
    }
}
