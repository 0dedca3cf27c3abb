// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import ICE
import MediaTransport
import OpenSSL
import Primitives
import SRTP
import TestSupport
import Testing

/// Two sessions on a network that loses datagrams, under virtual time.
struct Pair: ~Copyable {
    static let addresses = [
        TransportAddress(ipv4: 0xC000_0201, port: 10_000), TransportAddress(ipv4: 0xC633_6402, port: 5_004),
    ]

    var now = Timestamp(nanoseconds: 1_000_000_000)
    var random: Random
    var loss: Double
    var sessions = GrowableBuffer<TransportSession>()
    var events: [[String]] = [[], []]
    /// The 4-tuples that each session was told are its own.
    var bound: [Set<Destination>] = [[], []]
    /// Where each session's datagrams come from; change it to play another network.
    var sources = Self.addresses

    /// - Parameter wrongFingerprint: what the second session is told of the first one's certificate.
    init(
        seed: UInt64, loss: Double, identities: [DTLSIdentity], profiles: [[SRTPProfile]],
        wrongFingerprint: Bool = false
    ) {
        random = Random(seed: seed)
        self.loss = loss
        for index in 0..<2 {
            let settings = ICEAgent.Settings(
                localUfrag: "user\(index)", localPassword: "a-password-of-enough-letters-\(index)",
                isControlling: index == 0, tieBreaker: UInt64(index), localAddresses: [Self.addresses[index]])
            sessions.append(
                TransportSession(
                    ice: settings, identity: identities[index], profiles: profiles[index],
                    random: Random(seed: seed + UInt64(index)), at: now))
        }
        for index in 0..<2 {
            var digest = identities[1 - index].fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
            if wrongFingerprint, index == 1 { digest[0] ^= 1 }
            sessions[index].addFingerprints([(hash: "sha-256", digest: digest)])
            sessions[index].setRole(index == 0 ? .server : .client, at: now)
            sessions[index].setRemoteCredentials(
                ufrag: "user\(1 - index)", password: "a-password-of-enough-letters-\(1 - index)", at: now)
        }
        sessions[1].addRemoteCandidate(Self.addresses[0], priority: 1, isRelayed: false, at: now)
    }

    mutating func run(for duration: TimeDelta) {
        let end = now + duration
        // Ends: time moves or the end is reached.
        for _ in 0..<100_000 where now < end {
            var next = end
            for index in 0..<2 { next = min(next, sessions[index].nextTimeout ?? end) }
            now = max(now, next)
            for index in 0..<2 { sessions[index].handleTimeout(at: now) }
            exchange()
        }
    }

    /// Neither side runs for so long, which the clock does not count.
    mutating func sleep(for pause: TimeDelta) {
        for index in 0..<2 { sessions[index].resumeAfterPause(of: pause, at: now) }
    }

    private mutating func exchange() {
        // Ends: handshakes and checks are finite; timers do not run here.
        for _ in 0..<1_000 {
            var moved = false
            for index in 0..<2 {
                var egress = EgressBatch(bytes: 1 << 16, messages: 32, joinsSegments: false)
                _ = sessions[index].drain(into: &egress)
                while let event = sessions[index].pollEvent() { note(event, index) }
                for position in 0..<egress.messageCount {
                    moved = true
                    if random.fraction() < loss { continue }
                    let message = egress.messages[position]
                    if message.destination.remote != sources[1 - index] { continue }
                    let bytes = [UInt8](egress.buffer[message.offset..<message.offset + message.byteCount])
                    deliver(bytes, to: 1 - index)
                }
            }
            if !moved { return }
        }
    }

    private mutating func deliver(_ bytes: [UInt8], to index: Int) {
        switch DatagramClass(bytes.rawSpan) {
        case .stun:
            sessions[index].handleSTUN(bytes.rawSpan, from: sources[1 - index], local: 0, at: now)
        case .dtls: sessions[index].handleDTLS(bytes.rawSpan, at: now)
        default: break
        }
        while let event = sessions[index].pollEvent() { note(event, index) }
    }

    private mutating func note(_ event: TransportSession.Event, _ index: Int) {
        switch event {
        case .iceConnected: events[index].append("ice")
        case .iceFailed: events[index].append("ice failed")
        case .dtlsConnected(let profile): events[index].append("dtls \(profile)")
        case .dtlsFailed: events[index].append("dtls failed")
        case .iceRestarted(let generation): events[index].append("restarted \(generation)")
        case .iceRestartFailed(let generation): events[index].append("restart \(generation) failed")
        case .bound(let from): bound[index].insert(from)
        case .unbound(let from): bound[index].remove(from)
        }
    }
}

@Suite("TransportSession")
struct TransportSessionTests {
    private let identities: [DTLSIdentity]
    private let both: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80]

    init() throws {
        identities = [try DTLSIdentity(wallSeconds: 1_790_000_000), try DTLSIdentity(wallSeconds: 1_790_000_000)]
    }

    @Test("application data passes once the handshake is done, not before and not without room")
    func applicationData() throws {
        var pair = Pair(seed: 3, loss: 0, identities: identities, profiles: [both, both])
        let record: [UInt8] = [1, 2, 3]
        var egress = EgressBatch(bytes: 1_600, messages: 1, joinsSegments: false)
        var sent = [pair.sessions[0].send(application: record.rawSpan, at: pair.now, into: &egress)]
        pair.run(for: .seconds(5 as Int64))
        sent.append(pair.sessions[0].send(application: record.rawSpan, at: pair.now, into: &egress))
        sent.append(pair.sessions[0].send(application: record.rawSpan, at: pair.now, into: &egress))
        #expect(sent == [false, true, false])
        let message = egress.messages[0]
        #expect(message.destination.remote == Pair.addresses[1])
        let datagram = [UInt8](egress.buffer[message.offset..<message.offset + message.byteCount])
        var received: [[UInt8]] = []
        pair.sessions[1].handleDTLS(datagram.rawSpan, at: pair.now) { received.append($0.toArray()) }
        #expect(received == [record])
    }

    @Test("two sessions connect through loss, and media passes both ways", arguments: [0.0, 0.1, 0.3])
    func connects(loss: Double) throws {
        var pair = Pair(seed: 11, loss: loss, identities: identities, profiles: [both, both])
        pair.run(for: .seconds(25 as Int64))
        let events = pair.events
        #expect(events[0] == ["ice", "dtls aeadAES128GCM"])
        #expect(events[1] == ["ice", "dtls aeadAES128GCM"])
        for sender in 0..<2 {
            let payload: [UInt8] = [1, 2, 3, 4, 5]
            var slot = [128, 111, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7] + [UInt8](repeating: 0, count: 60)
            let total = slot.withUnsafeMutableBytes { slot in
                payload.withUnsafeBytes { pair.sessions[sender].protectRTP(slot: slot, headerBytes: 12, payload: $0) }
            }
            let count = try #require(total)
            let result = slot.withUnsafeMutableBytes { slot in
                pair.sessions[1 - sender].unprotectRTP(
                    UnsafeMutableRawBufferPointer(rebasing: slot[..<count]), headerBytes: 12)
            }
            #expect(try result.get() == 17)
            #expect(Array(slot[12..<17]) == payload)
        }
    }

    @Test("the profile is the first of the server's list that the client has")
    func profile() {
        var pair = Pair(
            seed: 5, loss: 0, identities: identities, profiles: [both, [.aes128CMHMACSHA1_80]])
        pair.run(for: .seconds(3 as Int64))
        let events = pair.events
        #expect(events[0].last == "dtls aes128CMHMACSHA1_80")
        #expect(events[1].last == "dtls aes128CMHMACSHA1_80")
    }

    @Test("a certificate with another fingerprint ends the handshake on both sides; no keys come of it")
    func wrongFingerprint() {
        var pair = Pair(
            seed: 6, loss: 0, identities: identities, profiles: [both, both], wrongFingerprint: true)
        pair.run(for: .seconds(35 as Int64))
        let events = pair.events
        #expect(events[0].last == "dtls failed")
        #expect(events[1].last == "dtls failed")
        let hasKeys = pair.sessions[0].hasKeys || pair.sessions[1].hasKeys
        #expect(!hasKeys)
    }

    @Test("a pause in the middle of a handshake does not use up its time; consent is asked for and media goes on")
    func pause() {
        var pair = Pair(seed: 8, loss: 0, identities: identities, profiles: [both, both])
        pair.run(for: .milliseconds(1))
        pair.sleep(for: .seconds(300 as Int64))
        pair.run(for: .seconds(5 as Int64))
        let events = pair.events
        #expect(events[0] == ["ice", "dtls aeadAES128GCM"])
        #expect(events[1] == ["ice", "dtls aeadAES128GCM"])
        pair.sleep(for: .seconds(10 as Int64))
        let isReady = pair.sessions[0].isReady && pair.sessions[1].isReady
        #expect(isReady)
        pair.sleep(for: .seconds(75 as Int64))
        let isSilent = pair.sessions[0].destination == nil && pair.sessions[1].destination == nil
        #expect(isSilent)
        pair.run(for: .milliseconds(1))
        let isBack = pair.sessions[0].isReady && pair.sessions[1].isReady
        #expect(isBack)
        #expect(pair.events[0] == events[0] && pair.events[1] == events[1])
    }

    @Test("without keys nothing is sealed or opened")
    func withoutKeys() {
        var pair = Pair(seed: 7, loss: 1, identities: identities, profiles: [both, both])
        var slot = [UInt8](repeating: 0, count: 100)
        slot[0] = 128
        let sealed = slot.withUnsafeMutableBytes { slot in
            pair.sessions[0].protectRTP(
                slot: slot, headerBytes: 12, payload: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        #expect(sealed == nil)
        let opened = slot.withUnsafeMutableBytes { pair.sessions[0].unprotectRTCP($0) }
        guard case .failure = opened else {
            Issue.record("an unauthenticated packet was opened")
            return
        }
        let isReady = pair.sessions[0].isReady
        #expect(!isReady)
    }
}
