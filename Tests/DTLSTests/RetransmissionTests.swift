// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import Primitives
import TestSupport
import Testing

@Suite("DTLS repetition and time limits")
struct RetransmissionTests {
    @Test("an unanswered flight is repeated after 100 ms, then twice as late up to 2 s, and given up after 30 s")
    func schedule() {
        var pair = DTLSPair()
        pair.isCut = true
        pair.client.start(.client, at: pair.now)
        pair.run(for: .milliseconds(100_000))
        let times = pair.clientSendTimes.map { $0.nanoseconds / 1_000_000 }
        #expect(times == [0, 100, 300, 700, 1_500] + Array(stride(from: 3_100, to: 30_000, by: 2_000)))
        #expect(pair.clientEvents.failure == "handshake took too long")
        #expect(pair.now == .zero + .milliseconds(30_000))
        #expect(pair.client.counters.retransmissions == UInt64(times.count - 1))
        #expect(pair.client.nextTimeout == nil)
    }

    @Test("a path that was silent for 25 s comes back: the handshake is done at the next repetition")
    func lateReturn() {
        var pair = DTLSPair()
        pair.isCut = true
        pair.start()
        pair.run(for: .milliseconds(25_000))
        pair.isCut = false
        pair.run(for: .milliseconds(4_000))
        #expect(pair.clientEvents.keys != nil)
        #expect(pair.clientEvents.keys?.localKey == pair.serverEvents.keys?.remoteKey)
    }

    @Test("a server whose answers are lost for 25 s repeats them until they arrive")
    func lateAnswer() {
        var pair = DTLSPair()
        pair.start()
        // The ClientHello is on its way; what the server answers, and all that the client repeats, is lost.
        pair.isCut = true
        pair.run(for: .milliseconds(25_000))
        #expect(pair.server.counters.retransmissions > 12)
        pair.isCut = false
        pair.run(for: .milliseconds(4_000))
        #expect(pair.clientEvents.keys != nil)
        #expect(pair.clientEvents.keys?.localKey == pair.serverEvents.keys?.remoteKey)
    }

    @Test("a server that never hears anything gives up after 30 s")
    func silentClient() {
        var transport = DTLSTransport(identity: serverIdentity, profiles: [.aeadAES128GCM], at: .zero)
        transport.start(.server, at: .zero)
        #expect(transport.nextTimeout == Timestamp.zero + DTLSLimits.handshakeTimeout)
        transport.handleTimeout(at: .zero + .milliseconds(29_999))
        #expect(transport.pollEvent() == nil)
        transport.handleTimeout(at: .zero + .milliseconds(30_000))
        #expect(transport.pollEvent() == .failed(reason: "handshake took too long"))
        #expect(transport.nextTimeout == nil)
    }

    @Test("time does not pass by itself: without a due time-out nothing is repeated")
    func nothingEarly() {
        var pair = DTLSPair()
        pair.isCut = true
        pair.client.start(.client, at: .zero)
        pair.collect()
        for millisecond in stride(from: 0, to: 100, by: 10) {
            pair.client.handleTimeout(at: .zero + .milliseconds(Int64(millisecond)))
            pair.client.handle([22, 254, 253, 0].rawSpan, at: .zero + .milliseconds(Int64(millisecond)))
            pair.collect()
        }
        #expect(pair.sizes.count == 1)
        pair.client.handleTimeout(at: .zero + .milliseconds(100))
        pair.collect()
        #expect(pair.sizes.count == 2)
    }

    @Test("a lost last flight is repeated when the client asks again")
    func lostLastFlight() {
        var pair = DTLSPair()
        pair.start()
        // ClientHello, the server's flight, the client's flight; then the server's answer is lost.
        pair.run(for: .milliseconds(45))
        #expect(pair.serverEvents.isEmpty)
        pair.isCut = true
        pair.run(for: .milliseconds(30))
        #expect(pair.serverEvents.keys != nil)
        #expect(pair.clientEvents.isEmpty)
        pair.isCut = false
        pair.run(for: .milliseconds(5_000))
        #expect(pair.clientEvents.keys != nil)
        #expect(pair.clientEvents.keys?.localKey == pair.serverEvents.keys?.remoteKey)
    }

    @Test("loss, duplicates and disorder delay the handshake and do not break it")
    func badNetwork() {
        let failure = checkProperty(cases: 60) { random in
            let network = Network(lossPercent: 25, duplicatePercent: 20, reorderPercent: 40)
            let profile = bothProfiles[random.int(in: 0...1)]
            var pair = DTLSPair(
                network: network, seed: random.next(), clientProfiles: [profile], serverProfiles: [profile])
            pair.start()
            pair.run()
            let events = (pair.clientEvents, pair.serverEvents)
            // With a quarter lost some handshakes run out of time; then both must say so.
            if let client = events.0.keys, let server = events.1.keys {
                return client.localKey == server.remoteKey && client.remoteKey == server.localKey ? nil : "other keys"
            }
            if events.0.failure != nil { return events.1.failure != nil || events.1.keys != nil ? nil : "\(events)" }
            return "\(events)"
        }
        #expect(failure == nil)
    }

    @Test("one datagram in ten lost: every handshake succeeds")
    func tenPercentLoss() {
        let failure = checkProperty(cases: 60, seed: 100) { random in
            var pair = DTLSPair(network: Network(lossPercent: 10, reorderPercent: 20), seed: random.next())
            pair.start()
            pair.run()
            return pair.clientEvents.keys != nil && pair.serverEvents.keys != nil
                ? nil : "\(pair.clientEvents) \(pair.serverEvents)"
        }
        #expect(failure == nil)
    }
}

let bothProfiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80]
