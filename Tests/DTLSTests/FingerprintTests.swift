// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import Primitives
import TestSupport
import Testing

/// RFC 8122 section 5, media-plane.md 2.
@Suite("DTLS fingerprints")
struct FingerprintTests {
    private static let wrong256 = [UInt8](repeating: 1, count: 32)
    private static let mismatch = "certificate does not match the signalled fingerprints"

    /// Digests of a certificate by all hashes, as a peer would signal them.
    private func outcome(of list: [(hash: String, digest: [UInt8])]) -> (server: [DTLSEvent], client: [DTLSEvent]) {
        var pair = DTLSPair(trusts: false)
        pair.client.addFingerprints([("sha-256", serverIdentity.digest)])
        pair.server.addFingerprints(list)
        pair.start()
        pair.run()
        return (pair.serverEvents, pair.clientEvents)
    }

    @Test("a wrong fingerprint fails the handshake, and the peer gets bad_certificate")
    func wrong() {
        let (server, client) = outcome(of: [("sha-256", Self.wrong256)])
        #expect(server.failure == Self.mismatch)
        #expect(client.failure?.contains("bad certificate") == true)
    }

    @Test("a client refuses a wrong server, too")
    func wrongServer() {
        var pair = DTLSPair(trusts: false)
        pair.client.addFingerprints([("sha-256", Self.wrong256)])
        pair.server.addFingerprints([("sha-256", clientIdentity.digest)])
        pair.start()
        pair.run()
        #expect(pair.clientEvents.failure == Self.mismatch)
        #expect(pair.serverEvents.failure?.contains("bad certificate") == true)
    }

    @Test("one of several values of a hash is enough")
    func alternatives() {
        let (server, client) = outcome(of: [("sha-256", Self.wrong256), ("sha-256", clientIdentity.digest)])
        #expect(server.keys != nil)
        #expect(client.keys != nil)
    }

    @Test("only the strongest known hash counts")
    func strongestCounts() {
        let right1 = clientIdentity.digest(.sha1)
        let right512 = clientIdentity.digest(.sha512)
        #expect(outcome(of: [("sha-1", right1)]).server.keys != nil)
        #expect(outcome(of: [("sha-1", right1), ("sha-256", Self.wrong256)]).server.failure == Self.mismatch)
        #expect(outcome(of: [("sha-256", Self.wrong256), ("sha-512", right512)]).server.keys != nil)
        let wrong512 = [UInt8](repeating: 0, count: 64)
        #expect(
            outcome(of: [("sha-256", clientIdentity.digest), ("sha-512", wrong512)]).server.failure == Self.mismatch)
    }

    @Test("without a usable fingerprint the handshake fails")
    func none() {
        let reason = "no usable fingerprint was signalled"
        #expect(outcome(of: []).server.failure == reason)
        #expect(outcome(of: [("md5", [UInt8](repeating: 0, count: 16))]).server.failure == reason)
        #expect(outcome(of: [("sha-256", Array(clientIdentity.digest.dropLast()))]).server.failure == reason)
    }

    @Test("fingerprints add up over several updates, also after the start")
    func updates() {
        var pair = DTLSPair(trusts: false)
        pair.client.addFingerprints([("sha-256", serverIdentity.digest)])
        pair.server.addFingerprints([("SHA-256", Self.wrong256)])
        pair.start()
        pair.server.addFingerprints([])
        pair.server.addFingerprints([("Sha-256", clientIdentity.digest)])
        pair.run()
        #expect(pair.serverEvents.keys != nil)
    }

    @Test("unusable fingerprints and too many of them are counted and ignored")
    func limits() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        transport.addFingerprints([("sha-224", [UInt8](repeating: 0, count: 28)), ("sha-256", [])])
        #expect(transport.counters.unusableFingerprints == 2)
        for number in 0..<OpenSSLLimits.fingerprints + 3 {
            transport.addFingerprints([("sha-256", [UInt8](repeating: UInt8(number), count: 32))])
        }
        #expect(transport.counters.unusableFingerprints == 5)
    }
}
