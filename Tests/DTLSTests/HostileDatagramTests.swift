// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import DTLS

@Suite("DTLS with hostile input")
struct HostileDatagramTests {
    @Test("random datagrams never trap, in any state")
    func randomBytes() {
        let failure = checkProperty(cases: 150) { random in
            var pair = DTLSPair()
            switch random.int(in: 0...3) {
            case 0: break
            case 1: pair.server.start(.server, at: .zero)
            case 2: pair.server.start(.client, at: .zero)
            default:
                pair.start()
                pair.run()
            }
            let wasConnected = pair.server.isConnected
            for _ in 0..<10 {
                var datagram = random.bytes(random.int(in: 0...200))
                // Most look like records of the right version, or they would not get far.
                if datagram.count > 13, random.int(in: 0...3) > 0 {
                    datagram.replaceSubrange(
                        0..<5, with: [UInt8(random.int(in: 20...23)), 254, 253, 0, UInt8(random.int(in: 0...1))])
                    datagram[11] = 0
                    datagram[12] = UInt8(min(255, datagram.count - 13))
                }
                pair.server.handle(datagram.rawSpan, at: .zero)
                while pair.server.pollTransmit() != nil {}
            }
            return wasConnected && !pair.server.isConnected ? "an unauthenticated datagram ended a connection" : nil
        }
        #expect(failure == nil)
    }

    @Test(
        "an encrypted record too short to be genuine is dropped and counted, and ends nothing",
        arguments: ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"])
    func stubs(suite: String) throws {
        let identity = try DTLSIdentity(wallSeconds: 1_700_000_000, settings: .init(cipherList: suite))
        var pair = DTLSPair(serverIdentity: identity)
        pair.start()
        pair.run()
        let cipher = pair.server.cipherName
        try #require(cipher == suite)
        let least = suite.contains("CHACHA20") ? 16 : 24
        for length in 0..<least {
            var datagram: [UInt8] = [
                UInt8(20 + length % 4), 254, 253, 0, 1, 0, 0, 1, 0, 0, UInt8(length), 0, UInt8(length),
            ]
            datagram += [UInt8](repeating: 0xA5, count: length)
            // Behind a record of the handshake as well as alone.
            if length % 2 == 1 { datagram = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0] + datagram }
            pair.server.handle(datagram.rawSpan, at: .zero)
            pair.client.handle(datagram.rawSpan, at: .zero)
        }
        let counts = (pair.server.counters.stubs, pair.client.counters.stubs)
        #expect(counts == (UInt64(least), UInt64(least)))
        let areConnected = pair.server.isConnected && pair.client.isConnected
        #expect(areConnected)
        // The shortest genuine record still gets through: an alert of two bytes.
        pair.client.close(at: .zero)
        while let datagram = pair.client.pollTransmit() { pair.server.handle(datagram.rawSpan, at: .zero) }
        var last: DTLSEvent?
        while let event = pair.server.pollEvent() { last = event }
        #expect(last == .closed)
    }

    @Test("a whole handshake that is replayed to a connected server changes nothing and gets no longer answer")
    func replayedHandshake() {
        var client = DTLSTransport(identity: clientIdentity, profiles: [.aeadAES128GCM], at: .zero)
        var server = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        client.addFingerprints([("sha-256", serverIdentity.digest)])
        server.addFingerprints([("sha-256", clientIdentity.digest)])
        server.start(.server, at: .zero)
        client.start(.client, at: .zero)
        var recorded: [[UInt8]] = []
        var isQuiet = false
        // Ends: the handshake has finitely many flights, and nothing is lost.
        while !isQuiet {
            isQuiet = true
            while let datagram = client.pollTransmit() {
                isQuiet = false
                recorded.append(datagram)
                server.handle(datagram.rawSpan, at: .zero)
            }
            while let datagram = server.pollTransmit() { client.handle(datagram.rawSpan, at: .zero) }
        }
        let wasConnected = server.isConnected
        #expect(wasConnected)
        while server.pollEvent() != nil {}
        var answered = 0
        for datagram in recorded + recorded.reversed() {
            server.handle(datagram.rawSpan, at: .zero)
            while let answer = server.pollTransmit() { answered += answer.count }
        }
        #expect(answered <= 2 * recorded.reduce(0) { $0 + $1.count })
        let isConnected = server.isConnected
        #expect(isConnected)
        let event = server.pollEvent()
        #expect(event == nil)
    }

    @Test("damaged flights never trap and never give keys to the wrong peer")
    func mutatedFlights() {
        let failure = checkProperty(cases: 60) { random in
            var client = DTLSTransport(identity: clientIdentity, profiles: [.aeadAES128GCM], at: .zero)
            var server = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
            client.addFingerprints([("sha-256", serverIdentity.digest)])
            server.addFingerprints([("sha-256", clientIdentity.digest)])
            server.start(.server, at: .zero)
            client.start(.client, at: .zero)
            var clientKeys: SRTPKeys?
            var serverKeys: SRTPKeys?
            for _ in 0..<8 {
                while let datagram = client.pollTransmit() {
                    let damaged = random.int(in: 0...3) == 0 ? mutate(datagram, using: &random) : datagram
                    server.handle(damaged.rawSpan, at: .zero)
                }
                while let datagram = server.pollTransmit() {
                    let damaged = random.int(in: 0...3) == 0 ? mutate(datagram, using: &random) : datagram
                    client.handle(damaged.rawSpan, at: .zero)
                }
                while let event = client.pollEvent() { if case .connected(let keys) = event { clientKeys = keys } }
                while let event = server.pollEvent() { if case .connected(let keys) = event { serverKeys = keys } }
            }
            guard let clientKeys, let serverKeys else { return nil }
            return clientKeys.localKey == serverKeys.remoteKey ? nil : "keys differ"
        }
        #expect(failure == nil)
    }

    @Test("empty and oversized datagrams are counted")
    func sizes() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        transport.start(.server, at: .zero)
        transport.handle([UInt8]().rawSpan, at: .zero)
        transport.handle([UInt8](repeating: 22, count: DTLSLimits.datagramBytes + 1).rawSpan, at: .zero)
        #expect(transport.counters.badSize == 2)
    }

    @Test("after the end datagrams are counted and nothing happens")
    func afterEnd() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        transport.close(at: .zero)
        #expect(transport.pollEvent() == .closed)
        transport.handle([22, 254, 253].rawSpan, at: .zero)
        transport.start(.server, at: .zero)
        transport.handleTimeout(at: .zero + .milliseconds(60_000))
        #expect(transport.counters.afterEnd == 1)
        #expect(transport.pollEvent() == nil)
        #expect(transport.pollTransmit() == nil)
    }

    @Test("records are packed into datagrams whole and in order")
    func packing() {
        let failure = checkProperty(cases: 500) { random in
            var records: [[UInt8]] = []
            for _ in 0..<random.int(in: 0...8) {
                let length = random.int(in: 0...600)
                records.append(
                    [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(length >> 8), UInt8(length & 255)]
                        + random.bytes(length))
            }
            let datagrams = DTLSRecords.datagrams(Array(records.joined()), limit: 1_000)
            if Array(datagrams.joined()) != Array(records.joined()) { return "bytes changed" }
            if datagrams.contains(where: { $0.count > 1_000 || $0.isEmpty }) { return "a bad size" }
            let junk = random.bytes(random.int(in: 0...40))
            _ = DTLSRecords.datagrams(junk, limit: 100)
            return nil
        }
        #expect(failure == nil)
    }
}
