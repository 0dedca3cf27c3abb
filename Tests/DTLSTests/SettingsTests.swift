// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import Primitives
import TestSupport
import Testing

/// What an operator can change of DTLS (operations.md a.5).
@Suite("DTLS settings")
struct SettingsTests {
    @Test("the handshake is given up after the time that was set")
    func timeout() {
        var settings = DTLSSettings()
        settings.handshakeTimeout = .milliseconds(4_500)
        var transport = DTLSTransport(identity: clientIdentity, settings: settings, at: .zero)
        transport.start(.client, at: .zero)
        var now = Timestamp.zero
        // Ends: every repetition moves time, and the end of the handshake clears the last deadline.
        while let next = transport.nextTimeout {
            now = next
            transport.handleTimeout(at: now)
        }
        #expect(now == .zero + .milliseconds(4_500))
        let event = transport.pollEvent()
        #expect(event == .failed(reason: "handshake took too long"))
    }

    private func serverOutcome(
        accepting hashes: [HashFunction], _ list: [(hash: String, digest: [UInt8])]
    ) -> (events: [DTLSEvent], unusable: UInt64) {
        var settings = DTLSSettings(profiles: [.aeadAES128GCM])
        settings.acceptedHashes = hashes
        var pair = DTLSPair(trusts: false)
        pair.server = DTLSTransport(identity: serverIdentity, settings: settings, at: .zero)
        pair.client.addFingerprints([("sha-256", serverIdentity.digest)])
        pair.server.addFingerprints(list)
        pair.start()
        pair.run()
        return (pair.serverEvents, pair.server.counters.unusableFingerprints)
    }

    @Test("a fingerprint of a hash that is not accepted counts as none")
    func notAccepted() {
        let sha1 = [(hash: "sha-1", digest: clientIdentity.digest(.sha1))]
        #expect(serverOutcome(accepting: HashFunction.strongestFirst, sha1).events.keys != nil)
        let refused = serverOutcome(accepting: [.sha512, .sha256], sha1)
        #expect(refused.events.failure == "no usable fingerprint was signalled")
        #expect(refused.unusable == 1)
    }

    @Test("the first accepted hash for which there is a fingerprint decides")
    func order() {
        let wrong = (hash: "sha-512", digest: [UInt8](repeating: 1, count: 64))
        let right = (hash: "sha-256", digest: clientIdentity.digest)
        #expect(serverOutcome(accepting: [.sha512, .sha256], [right, wrong]).events.keys == nil)
        #expect(serverOutcome(accepting: [.sha256, .sha512], [right, wrong]).events.keys != nil)
    }

    @Test(
        "the cipher suites that were set are negotiated",
        arguments: [
            "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256",
        ])
    func cipherSuite(_ name: String) throws {
        let identity = try DTLSIdentity(wallSeconds: 1_700_000_000, settings: .init(cipherList: name))
        let peer = try DTLSIdentity(
            wallSeconds: 1_700_000_000, settings: .init(cipherList: "ECDHE-ECDSA-AES256-GCM-SHA384:" + name))
        var pair = DTLSPair(clientIdentity: peer, serverIdentity: identity)
        pair.start()
        pair.run()
        let used = pair.server.cipherName
        #expect(used == name)
    }

    @Test("sides without a common cipher suite fail")
    func noCommonCipher() throws {
        let identity = try DTLSIdentity(
            wallSeconds: 1_700_000_000, settings: .init(cipherList: "ECDHE-ECDSA-CHACHA20-POLY1305"))
        let peer = try DTLSIdentity(
            wallSeconds: 1_700_000_000, settings: .init(cipherList: "ECDHE-ECDSA-AES128-GCM-SHA256"))
        var pair = DTLSPair(trusts: false, clientIdentity: peer, serverIdentity: identity)
        pair.start()
        pair.run()
        #expect(pair.serverEvents.failure != nil)
    }
}
