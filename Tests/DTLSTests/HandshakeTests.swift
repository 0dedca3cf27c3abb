// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import Primitives
import TestSupport
import Testing

@Suite("DTLS handshake")
struct HandshakeTests {
    @Test("both sides agree on keys, each sending with its own", arguments: SRTPProfile.allCases)
    func agreement(_ profile: SRTPProfile) throws {
        var pair = DTLSPair(clientProfiles: [profile], serverProfiles: [profile])
        pair.start()
        pair.run()
        let client = try #require(pair.clientEvents.keys)
        let server = try #require(pair.serverEvents.keys)
        #expect(client.profile == profile)
        #expect(client.localKey == server.remoteKey)
        #expect(client.localSalt == server.remoteSalt)
        #expect(client.remoteKey == server.localKey)
        #expect(client.remoteSalt == server.localSalt)
        #expect(client.localKey != client.remoteKey)
        #expect(client.localKey.count == profile.keyBytes)
        #expect(client.localSalt.count == profile.saltBytes)
        #expect(pair.client.isConnected == true)
        #expect(pair.server.isConnected == true)
        #expect(pair.client.nextTimeout == nil)
        #expect(pair.server.nextTimeout == nil)
        #expect(pair.client.cipherName == "ECDHE-ECDSA-AES128-GCM-SHA256")
    }

    @Test("the server's order of profiles decides")
    func serverPreference() throws {
        var pair = DTLSPair(
            clientProfiles: [.aes128CMHMACSHA1_80, .aeadAES128GCM],
            serverProfiles: [.aeadAES128GCM, .aes128CMHMACSHA1_80])
        pair.start()
        pair.run()
        #expect(pair.serverEvents.keys?.profile == .aeadAES128GCM)
        #expect(pair.clientEvents.keys?.profile == .aeadAES128GCM)
    }

    @Test("without a common profile both fail")
    func noCommonProfile() {
        var pair = DTLSPair(clientProfiles: [.aeadAES128GCM], serverProfiles: [.aes128CMHMACSHA1_80])
        pair.start()
        pair.run()
        #expect(pair.serverEvents.failure == "no common SRTP profile")
        #expect(pair.clientEvents.failure != nil)
    }

    @Test("without any profile the transport fails at its start")
    func noProfile() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [], at: .zero)
        transport.start(.server, at: .zero)
        #expect(transport.pollEvent() == .failed(reason: "no common SRTP profile"))
        #expect(transport.nextTimeout == nil)
    }

    @Test("no datagram is longer than 1,200 bytes")
    func datagramSize() {
        var pair = DTLSPair()
        pair.start()
        pair.run()
        #expect(pair.sizes.count >= 4)
        #expect(pair.sizes.allSatisfy { $0 <= 1_200 })
    }

    @Test("the first start decides the role: one handshake for life")
    func role() {
        var transport = DTLSTransport(identity: clientIdentity, profiles: [.aeadAES128GCM], at: .zero)
        #expect(transport.role == nil)
        transport.start(.server, at: .zero)
        transport.start(.client, at: .zero)
        #expect(transport.role == .server)
    }

    @Test("a ClientHello that came before the role is kept and answered")
    func earlyClientHello() {
        var pair = DTLSPair()
        pair.client.start(.client, at: pair.now)
        pair.run(for: .milliseconds(500))
        #expect(pair.serverEvents.isEmpty)
        pair.server.start(.server, at: pair.now)
        let started = pair.now
        pair.run(for: .milliseconds(400))
        #expect(pair.clientEvents.keys != nil)
        #expect(pair.serverEvents.keys != nil)
        #expect(pair.now - started < .milliseconds(300), "without waiting for a repetition")
    }

    @Test("early datagrams are kept up to a limit, further ones are counted")
    func earlyLimit() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        for _ in 0..<DTLSLimits.earlyDatagrams + 5 { transport.handle([22, 254, 253].rawSpan, at: .zero) }
        #expect(transport.counters.earlyOverflow == 5)
    }

    @Test("a close_notify ends both sides once")
    func close() {
        var pair = DTLSPair()
        pair.start()
        pair.run()
        pair.client.close(at: pair.now)
        pair.client.close(at: pair.now)
        pair.run()
        #expect(pair.clientEvents.last == .closed)
        #expect(pair.serverEvents.last == .closed)
        #expect(pair.clientEvents.count == 2)
        #expect(pair.serverEvents.count == 2)
        #expect(pair.client.isConnected == false)
        #expect(pair.server.isConnected == false)
    }

    @Test("DTLS 1.0 is refused with an alert")
    func oldVersion() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        transport.addFingerprints([("sha-256", clientIdentity.digest)])
        transport.start(.server, at: .zero)
        transport.handle(makeClientHello(version: 0xFEFF).rawSpan, at: .zero)
        guard case .failed? = transport.pollEvent() else {
            Issue.record("accepted")
            return
        }
        // An alert: content type 21, fatal, protocol_version (70).
        let alert = transport.pollTransmit()
        #expect(alert?.first == 21)
        #expect(alert?.suffix(2) == [2, 70])
    }

    @Test("DTLS 1.2 with the same bytes is answered")
    func newVersion() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        transport.start(.server, at: .zero)
        transport.handle(makeClientHello(version: 0xFEFD).rawSpan, at: .zero)
        #expect(transport.pollEvent() == nil)
        #expect(transport.pollTransmit()?.first == 22)
    }

    /// A ClientHello with one suite of ours, P-256, ecdsa_secp256r1_sha256 and use_srtp (RFC 5246 7.4.1.2, 6347 4.2.2).
    private func makeClientHello(version: UInt16) -> [UInt8] {
        var body = ByteWriter()
        body.uint16(version)
        body.append([UInt8](repeating: 7, count: 32))
        body.append([0, 0])
        body.append([0, 4, 0xC0, 0x2B, 0xC0, 0x09])
        body.append([1, 0])
        let extensions: [UInt8] =
            [0, 10, 0, 4, 0, 2, 0, 23] + [0, 11, 0, 2, 1, 0] + [0, 13, 0, 4, 0, 2, 4, 3] + [0, 14, 0, 5, 0, 2, 0, 7, 0]
        body.uint16(UInt16(extensions.count))
        body.append(extensions)
        var message = ByteWriter()
        message.append([1, 0])
        message.uint16(UInt16(body.count))
        message.append([0, 0, 0, 0, 0, 0])
        message.uint16(UInt16(body.count))
        message.append(body.bytes)
        var record = ByteWriter()
        record.append([22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0])
        record.uint16(UInt16(message.count))
        record.append(message.bytes)
        return record.bytes
    }
}
