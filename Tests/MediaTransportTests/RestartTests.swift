// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import ICE
import MediaTransport
import OpenSSL
import Primitives
import SRTP
import TestSupport
import Testing

/// ICE restart in place (media-plane.md 1.9, control-plane.md 4.5). Session 0 is the bridge, session 1 the client.
@Suite("ICE restart in place")
struct RestartTests {
    private let identities: [DTLSIdentity]
    private let profiles: [SRTPProfile] = [.aeadAES128GCM]
    private let times = TransportSession.RestartTimes(
        timeout: .seconds(20 as Int64), transitionWindow: .seconds(3 as Int64))

    init() throws {
        identities = [try DTLSIdentity(wallSeconds: 1_790_000_000), try DTLSIdentity(wallSeconds: 1_790_000_000)]
    }

    private func connected(loss: Double = 0) -> Pair {
        var pair = Pair(seed: 21, loss: loss, identities: identities, profiles: [profiles, profiles])
        pair.run(for: .seconds(5 as Int64))
        #expect(pair.events[0] == ["ice", "dtls aeadAES128GCM"])
        return pair
    }

    private func settings(_ name: String, of index: Int) -> ICEAgent.Settings {
        ICEAgent.Settings(
            localUfrag: name, localPassword: "another-password-of-enough-letters-\(name)", isControlling: false,
            tieBreaker: UInt64(index), localAddresses: [Pair.addresses[index]])
    }

    private func ask(_ pair: inout Pair, _ name: String, of index: Int = 0) -> TransportSession.RestartAnswer {
        pair.sessions[index].restartICE(
            settings(name, of: index), times: times, random: Random(seed: 77), at: pair.now)
    }

    /// Number and user fragment of the bridge's restart.
    private func comingOf(_ pair: borrowing Pair) -> String? {
        pair.sessions[0].coming.map { "\($0.generation) \($0.ufrag)" }
    }

    private func destination(of pair: borrowing Pair) -> Destination? { pair.sessions[0].destination }

    /// Tells a session the other's half of the restart.
    @discardableResult
    private func tell(_ pair: inout Pair, _ index: Int, generation: UInt32? = nil) -> Bool {
        guard let own = pair.sessions[index].coming, let other = pair.sessions[1 - index].coming else { return false }
        return pair.sessions[index].continueRestart(
            generation: generation ?? own.generation, ufrag: other.ufrag, password: other.password,
            candidates: index == 1 ? [(pair.sources[0], 1, false)] : [], at: pair.now)
    }

    /// Whether media gets from one side to the other.
    private func passesMedia(_ pair: inout Pair, from sender: Int, sequence: UInt8) -> Bool {
        var slot = [128, 111, 0, sequence, 0, 0, 0, 9, 0, 0, 0, 7] + [UInt8](repeating: 0, count: 60)
        let payload: [UInt8] = [1, 2, 3]
        let total = slot.withUnsafeMutableBytes { slot in
            payload.withUnsafeBytes { pair.sessions[sender].protectRTP(slot: slot, headerBytes: 12, payload: $0) }
        }
        guard let total, pair.sessions[sender].isReady else { return false }
        let result = slot.withUnsafeMutableBytes { slot in
            pair.sessions[1 - sender].unprotectRTP(
                UnsafeMutableRawBufferPointer(rebasing: slot[..<total]), headerBytes: 12)
        }
        return (try? result.get()) == 15
    }

    @Test("media goes on under the same keys, first the old way and then the new one; no handshake is made again")
    func succeeds() {
        var pair = connected()
        let before = pair.sessions[0].dtls.counters
        #expect(ask(&pair, "bridge1") == .started)
        #expect(ask(&pair, "client1", of: 1) == .started)
        let isStillOld = pair.sessions[0].ufrag == "user0" && pair.sessions[0].isReady
        #expect(isStillOld)
        #expect(passesMedia(&pair, from: 0, sequence: 1))
        #expect(tell(&pair, 0) && tell(&pair, 1))
        pair.run(for: .seconds(1 as Int64))
        #expect(pair.events[0].suffix(1) == ["restarted 1"])
        #expect(pair.events[1].suffix(1) == ["restarted 1"])
        let isNew = pair.sessions[0].ufrag == "bridge1" && pair.sessions[0].coming == nil
        #expect(isNew)
        #expect(passesMedia(&pair, from: 0, sequence: 2) && passesMedia(&pair, from: 1, sequence: 1))
        let after = pair.sessions[0].dtls.counters
        #expect(before == after && pair.events[0].count { $0.hasPrefix("dtls") } == 1)
        // The second one counts on.
        #expect(ask(&pair, "bridge2") == .started)
        #expect(comingOf(pair) == "2 bridge2")
    }

    @Test("a restart works through loss, and no send is without a way meanwhile", arguments: [0.05, 0.2])
    func lossy(loss: Double) {
        var pair = connected()
        pair.loss = loss
        _ = ask(&pair, "bridge1")
        _ = ask(&pair, "client1", of: 1)
        tell(&pair, 0)
        tell(&pair, 1)
        for step in 0..<100 {
            pair.run(for: .milliseconds(50))
            #expect(passesMedia(&pair, from: 0, sequence: UInt8(step)), "step \(step)")
            #expect(passesMedia(&pair, from: 1, sequence: UInt8(step)), "step \(step)")
        }
        #expect(pair.events[0].last == "restarted 1")
    }

    @Test("before the first connection there is nothing to restart")
    func notEstablished() {
        var pair = Pair(seed: 22, loss: 1, identities: identities, profiles: [profiles, profiles])
        #expect(ask(&pair, "bridge1") == .notEstablished)
        #expect(comingOf(pair) == nil)
    }

    @Test("asked again before the peer's credentials came it is the same restart, afterwards a newer one")
    func askedAgain() {
        var pair = connected()
        #expect(ask(&pair, "bridge1") == .started)
        #expect(ask(&pair, "never") == .repeated)
        #expect(comingOf(pair) == "1 bridge1")
        _ = ask(&pair, "client1", of: 1)
        pair.loss = 1
        #expect(tell(&pair, 0))
        pair.run(for: .milliseconds(100))
        #expect(ask(&pair, "bridge2") == .superseded)
        #expect(comingOf(pair) == "2 bridge2")
        pair.loss = 0
        // What belongs to the first is passed over, and nothing but the second's own ends it.
        #expect(!tell(&pair, 0, generation: 1))
        #expect(tell(&pair, 0))
        tell(&pair, 1)
        pair.run(for: .seconds(1 as Int64))
        #expect(pair.events[0].last == "restarted 2")
    }

    @Test("credentials for another restart, or after the checks have begun, change nothing")
    func otherGeneration() {
        var pair = connected()
        _ = ask(&pair, "bridge1")
        _ = ask(&pair, "client1", of: 1)
        #expect(!tell(&pair, 0, generation: 2))
        #expect(!tell(&pair, 0, generation: 0))
        pair.loss = 1
        #expect(tell(&pair, 0))
        #expect(!tell(&pair, 0), "its checks have begun")
        let refused = pair.sessions[1].continueRestart(
            generation: 1, ufrag: "", password: "", candidates: [], at: pair.now)
        #expect(!refused)
    }

    @Test("a restart without success is given up 20 s after it was asked for, and everything stays as it was")
    func timesOut() {
        var pair = connected()
        let start = pair.now
        _ = ask(&pair, "bridge1")
        pair.run(for: .milliseconds(19_990))
        #expect(comingOf(pair) != nil)
        pair.run(for: .milliseconds(20))
        #expect(pair.events[0].last == "restart 1 failed" && pair.now - start > .seconds(20 as Int64))
        let isOld = pair.sessions[0].coming == nil && pair.sessions[0].ufrag == "user0"
        #expect(isOld)
        #expect(passesMedia(&pair, from: 0, sequence: 3))
        // It is asked for anew under the next number.
        #expect(ask(&pair, "bridge2") == .started)
        #expect(comingOf(pair) == "2 bridge2")
    }

    @Test("a restart whose checks all fail is given up before its time")
    func fails() {
        var pair = connected()
        _ = ask(&pair, "bridge1")
        _ = pair.sessions[0].continueRestart(
            generation: 1, ufrag: "nobody", password: "nobody-has-this-password-here",
            candidates: [(TransportAddress(ipv4: 0x0A0A_0A0A, port: 9), 1, false)], at: pair.now)
        pair.run(for: .seconds(15 as Int64))
        #expect(pair.events[0].last == "restart 1 failed")
        #expect(passesMedia(&pair, from: 0, sequence: 4))
    }

    /// A check under the client's credentials for an agent of the bridge.
    private func check(_ serial: UInt64, for ufrag: String, _ password: String) -> [UInt8] {
        var check = STUNBuilder(.request, transactionID: TransactionID(high: 9, low: serial))
        check.username(Array(ufrag.utf8), Array("user1".utf8))
        check.priority(1_845_501_695)
        check.role(isControlling: false, tieBreaker: 1)
        return check.finish(key: Array(password.utf8))
    }

    @Test("the former agent answers checks for three seconds after the change, and then nobody does")
    func transitionWindow() {
        var pair = connected()
        _ = ask(&pair, "bridge1")
        _ = ask(&pair, "client1", of: 1)
        tell(&pair, 0)
        tell(&pair, 1)
        pair.run(for: .milliseconds(500))
        #expect(pair.events[0].last == "restarted 1")
        func answered(_ serial: UInt64) -> (UInt32, UInt32) {
            let bytes = check(serial, for: "user0", "a-password-of-enough-letters-0")
            let counters = pair.sessions[0].handleSTUN(bytes.rawSpan, from: pair.sources[1], local: 0, at: pair.now)
            return (
                counters.after.requestsAnswered - counters.before.requestsAnswered,
                counters.after.unknownUser - counters.before.unknownUser
            )
        }
        #expect(answered(1) == (1, 0))
        pair.run(for: .milliseconds(2_400))
        #expect(answered(2) == (1, 0))
        pair.run(for: .milliseconds(200))
        #expect(answered(3) == (0, 1))
    }

    @Test("a client that restarts from another address: both 4-tuples are its own during the window, then the new one")
    func otherAddress() {
        var pair = connected()
        let old = Destination(remote: pair.sources[1], local: 0)
        _ = ask(&pair, "bridge1")
        _ = ask(&pair, "client1", of: 1)
        pair.sources[1] = TransportAddress(ipv4: 0xCB00_7101, port: 6_000)
        let new = Destination(remote: pair.sources[1], local: 0)
        tell(&pair, 0)
        tell(&pair, 1)
        pair.run(for: .seconds(1 as Int64))
        #expect(pair.events[0].last == "restarted 1")
        #expect(destination(of: pair) == new)
        #expect(pair.bound[0] == [old, new])
        let held = Set(pair.sessions[0].boundDestinations)
        #expect(held == [old, new])
        pair.run(for: .seconds(3 as Int64))
        #expect(pair.bound[0] == [new])
    }

    @Test("the same 4-tuple stays the session's when the agent goes that proved it first")
    func sharedTuple() {
        var pair = connected()
        let path = Destination(remote: pair.sources[1], local: 0)
        _ = ask(&pair, "bridge1")
        _ = ask(&pair, "client1", of: 1)
        tell(&pair, 0)
        tell(&pair, 1)
        pair.run(for: .seconds(5 as Int64))
        #expect(pair.events[0].last == "restarted 1")
        #expect(pair.bound[0] == [path])
        // A restart that is given up takes nothing away either.
        _ = ask(&pair, "bridge2")
        pair.run(for: .seconds(21 as Int64))
        #expect(pair.events[0].last == "restart 2 failed" && pair.bound[0] == [path])
    }

    @Test("with a dead old path the new one is taken as soon as it works, and its silence of 30 s is over")
    func deadPath() {
        var pair = connected()
        pair.loss = 1
        pair.run(for: .seconds(31 as Int64))
        let isSilent = pair.sessions[0].destination == nil
        #expect(isSilent)
        pair.loss = 0
        pair.sources[1] = TransportAddress(ipv4: 0xCB00_7102, port: 6_001)
        _ = ask(&pair, "bridge1")
        _ = ask(&pair, "client1", of: 1)
        tell(&pair, 0)
        tell(&pair, 1)
        pair.run(for: .milliseconds(1))
        #expect(destination(of: pair)?.remote == pair.sources[1])
        #expect(passesMedia(&pair, from: 0, sequence: 9))
    }

    @Test("a pause of the process uses up nothing of a restart's time")
    func pause() {
        var pair = connected()
        _ = ask(&pair, "bridge1")
        pair.sleep(for: .seconds(60 as Int64))
        pair.run(for: .seconds(19 as Int64))
        #expect(comingOf(pair) != nil)
    }

    @Test("a session that has failed or said goodbye has stopped")
    func stopped() {
        let pair = connected()
        let isRunning = !pair.sessions[0].isStopped
        #expect(isRunning)
        var failed = Pair(
            seed: 6, loss: 0, identities: identities, profiles: [profiles, profiles], wrongFingerprint: true)
        failed.run(for: .seconds(5 as Int64))
        let isStopped = failed.sessions[0].isStopped
        #expect(isStopped)
    }
}
