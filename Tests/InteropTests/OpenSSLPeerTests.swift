// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import Foundation
import Glibc
import OpenSSL
import Primitives
import TestSupport
import Testing

/// Our DTLS against the `openssl` program over real UDP sockets: certificates, fingerprints, profiles, exported keys.
@Suite("DTLS with the openssl program", .enabled(if: OpenSSLProgram.isInstalled, "the openssl program is missing"))
struct OpenSSLPeerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var key: String
        var profile: SRTPProfile
        var testDescription: String { "\(key), \(profile)" }
    }

    static let cases = ["ec", "rsa"].flatMap { key in
        [SRTPProfile.aeadAES128GCM, .aes128CMHMACSHA1_80].map { Case(key: key, profile: $0) }
    }

    @Test("as client, we get the keys that openssl s_server exports", arguments: cases)
    func client(_ wanted: Case) throws {
        let program = try OpenSSLProgram(key: wanted.key)
        let port = try freePort(SOCK_DGRAM)
        let socket = try UDPSocket(port: 0)
        let peer = try program.run(
            [
                "s_server", "-dtls1_2", "-accept", "127.0.0.1:\(port)", "-Verify", "1", "-use_srtp",
                "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80",
            ] + program.exporting(wanted.profile))
        defer { peer.terminate() }
        try #require(program.waitForOutput("ACCEPT"), "s_server does not start")
        let keys = try #require(
            try handshake(.client, socket, to: port, profile: wanted.profile, fingerprint: program.fingerprint))
        try compare(keys, program, isClient: true)
    }

    @Test("as server, we get the keys that openssl s_client exports", arguments: cases)
    func server(_ wanted: Case) throws {
        let program = try OpenSSLProgram(key: wanted.key)
        let socket = try UDPSocket(port: 0)
        let peer = try program.run(
            [
                "s_client", "-dtls1_2", "-connect", "127.0.0.1:\(socket.port)", "-use_srtp",
                "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM",
            ] + program.exporting(wanted.profile))
        defer { peer.terminate() }
        let keys = try #require(
            try handshake(.server, socket, to: nil, profile: wanted.profile, fingerprint: program.fingerprint))
        try compare(keys, program, isClient: false)
    }

    @Test("openssl s_client with another certificate than the signalled one is refused")
    func wrongCertificate() throws {
        let program = try OpenSSLProgram(key: "ec")
        let socket = try UDPSocket(port: 0)
        let peer = try program.run(
            [
                "s_client", "-dtls1_2", "-connect", "127.0.0.1:\(socket.port)", "-use_srtp",
                "SRTP_AEAD_AES_128_GCM",
            ] + program.exporting(.aeadAES128GCM))
        defer { peer.terminate() }
        let other = [UInt8](repeating: 3, count: 32)
        #expect(try handshake(.server, socket, to: nil, profile: .aeadAES128GCM, fingerprint: other) == nil)
        #expect(program.waitForOutput("bad certificate"))
    }

    /// media-plane.md 2: every certificate of the presented chain must have a signalled fingerprint.
    @Test("a chain with a certificate that was not signalled is refused")
    func longChain() throws {
        let program = try OpenSSLProgram(key: "ec")
        let stranger = try OpenSSLProgram(key: "ec")
        let socket = try UDPSocket(port: 0)
        let peer = try program.run(
            [
                "s_client", "-dtls1_2", "-connect", "127.0.0.1:\(socket.port)", "-use_srtp", "SRTP_AEAD_AES_128_GCM",
                "-cert_chain", stranger.certificateFile,
            ] + program.exporting(.aeadAES128GCM))
        defer { peer.terminate() }
        #expect(
            try handshake(.server, socket, to: nil, profile: .aeadAES128GCM, fingerprint: program.fingerprint) == nil)
        #expect(program.waitForOutput("bad certificate"))
    }

    /// Runs a handshake over `socket` until it has succeeded, failed or taken 10 s.
    private func handshake(
        _ role: DTLSRole, _ socket: UDPSocket, to port: UInt16?, profile: SRTPProfile, fingerprint: [UInt8]
    ) throws -> SRTPKeys? {
        let identity = try DTLSIdentity(wallSeconds: Int64(Date().timeIntervalSince1970))
        var transport = DTLSTransport(identity: identity, profiles: [profile], at: monotonicNow())
        transport.addFingerprints([("sha-256", fingerprint)])
        transport.start(role, at: monotonicNow())
        var peer = port
        let deadline = monotonicNow() + .milliseconds(10_000)
        while monotonicNow() < deadline {
            while let datagram = transport.pollTransmit() { if let peer { socket.send(datagram, to: peer) } }
            while let event = transport.pollEvent() {
                if case .connected(let keys) = event { return keys }
                return nil
            }
            if let (datagram, source) = socket.receive(milliseconds: 50) {
                peer = source
                transport.handle(datagram.rawSpan, at: monotonicNow())
            }
            if let due = transport.nextTimeout, due <= monotonicNow() { transport.handleTimeout(at: monotonicNow()) }
        }
        return nil
    }

    private func compare(_ keys: SRTPKeys, _ program: OpenSSLProgram, isClient: Bool) throws {
        try #require(program.waitForOutput("Keying material: "))
        let line = try #require(
            program.output.split(separator: "\n").first { $0.contains("Keying material: ") }
                .flatMap { $0.split(separator: " ").last })
        let clientFirst =
            isClient
            ? keys.localKey + keys.remoteKey + keys.localSalt + keys.remoteSalt
            : keys.remoteKey + keys.localKey + keys.remoteSalt + keys.localSalt
        #expect([UInt8](hex: String(line)) == clientFirst)
    }

    private func monotonicNow() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
