// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import TestSupport
import Testing

/// The histories of many pairs and sources, which in the bridge live with them.
private struct Throttle {
    var limits = KeyframeLimits()
    var pairs: [UInt64: RequestHistory] = [:]
    var sources: [UInt32: RequestHistory] = [:]

    mutating func admits(requester: UInt32, ssrc: UInt32, roundTrip: TimeDelta?, now: Timestamp) -> Bool {
        limits.admits(
            pair: &pairs[UInt64(requester) << 32 | UInt64(ssrc), default: RequestHistory()],
            source: &sources[ssrc, default: RequestHistory()], roundTrip: roundTrip, now: now)
    }
}

@Suite("KeyframeLimits and RequestHistory (media-plane.md 6.7)")
struct KeyframeLimitsTests {
    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    @Test("ten receivers within 200 ms make one request")
    func storm() {
        var throttle = Throttle()
        let passed = (0..<10).count {
            throttle.admits(requester: UInt32($0), ssrc: 1, roundTrip: nil, now: Self.ms(Int64($0) * 20))
        }
        #expect(passed == 1)
        let later = throttle.admits(requester: 9, ssrc: 1, roundTrip: nil, now: Self.ms(200))
        #expect(later)
    }

    @Test("the fourth request of one receiver within ten seconds is refused, another receiver's is not")
    func quota() {
        var throttle = Throttle()
        let passed = [0, 1_000, 2_000, 3_000, 9_999, 10_000].map {
            throttle.admits(requester: 1, ssrc: 1, roundTrip: nil, now: Self.ms($0))
        }
        #expect(passed == [true, true, true, false, false, true])
        let other = throttle.admits(requester: 2, ssrc: 1, roundTrip: nil, now: Self.ms(10_500))
        #expect(other)
    }

    @Test("what the bridge asks for a receiver that changes its picture is not held against the receiver's own three")
    func ownRequests() {
        let limits = KeyframeLimits()
        var pair = RequestHistory()
        var source = RequestHistory()
        func passed(_ time: Int64, isOwn: Bool) -> Bool {
            limits.admits(pair: &pair, source: &source, roundTrip: nil, isOwn: isOwn, now: Self.ms(time))
        }
        #expect([0, 1_000, 2_000].map { passed($0, isOwn: false) } == [true, true, true])
        #expect(!passed(3_000, isOwn: false))
        #expect(limits.hasQuota(pair, now: Self.ms(3_000)))
        #expect((0..<6).map { passed(3_000 + $0 * 300, isOwn: true) } == [true, true, true, true, true, false])
        #expect(!limits.hasQuota(pair, now: Self.ms(5_000)))
    }

    @Test("a request refused for its source's sake uses up nothing of the receiver's three")
    func refusedIsFree() {
        var throttle = Throttle()
        for round in 0..<5 {
            let start = Int64(round) * 400
            let first = throttle.admits(requester: UInt32(100 + round), ssrc: 1, roundTrip: nil, now: Self.ms(start))
            let second = throttle.admits(requester: 1, ssrc: 1, roundTrip: nil, now: Self.ms(start + 10))
            #expect(first)
            #expect(!second)
        }
        for time in [3_000, 4_000, 5_000] as [Int64] {
            let passed = throttle.admits(requester: 1, ssrc: 1, roundTrip: nil, now: Self.ms(time))
            #expect(passed)
        }
    }

    @Test("sources do not hinder each other")
    func independentSources() {
        var throttle = Throttle()
        let passed = (0..<50).count { throttle.admits(requester: 1, ssrc: UInt32($0), roundTrip: nil, now: .zero) }
        #expect(passed == 50)
    }

    @Test("the quota of a pair holds however many pairs there are")
    func manyPairs() {
        var throttle = Throttle()
        throttle.limits.sourceInterval = .zero
        throttle.limits.sourceQuota = 8
        throttle.limits.sourceQuotaInterval = .zero
        // More pairs than any table of theirs ever held; each asks 50 times in ten seconds.
        var passed = [Int](repeating: 0, count: 3_000)
        for round in 0..<50 {
            for requester in 0..<3_000
            where throttle.admits(
                requester: UInt32(requester), ssrc: 1, roundTrip: nil, now: Self.ms(Int64(round) * 200))
            {
                passed[requester] += 1
            }
        }
        #expect(passed.allSatisfy { $0 == 3 })
    }

    @Test("a history goes on when its milliseconds wrap")
    func wrap() {
        var history = RequestHistory()
        let before = Timestamp.zero + .milliseconds(Int64(UInt32.max) - 50)
        history.note(now: before)
        func hasRoom(_ later: Int64) -> Bool {
            history.hasRoom(
                spacing: .milliseconds(200), quota: 3, within: .milliseconds(10_000),
                now: before + .milliseconds(later))
        }
        #expect(!hasRoom(0) && !hasRoom(199) && hasRoom(200) && hasRoom(60_000))
    }

    @Test("whatever is asked, both limits hold")
    func limitsHold() {
        let failure = checkProperty(cases: 200) { random in
            var throttle = Throttle()
            var passed: [(time: Int64, requester: UInt32, ssrc: UInt32)] = []
            var time: Int64 = 0
            for _ in 0..<500 {
                time += Int64(random.int(in: 0...120))
                let (requester, ssrc) = (UInt32(random.int(in: 0...4)), UInt32(random.int(in: 0...2)))
                let roundTrip = random.next() & 1 == 0 ? nil : TimeDelta.milliseconds(Int64(random.int(in: 0...400)))
                if throttle.admits(requester: requester, ssrc: ssrc, roundTrip: roundTrip, now: Self.ms(time)) {
                    let bySource = passed.filter { $0.ssrc == ssrc && time - $0.time < 200 }
                    let byPair = passed.filter {
                        $0.ssrc == ssrc && $0.requester == requester && time - $0.time < 10_000
                    }
                    guard bySource.isEmpty, byPair.count < 3 else { return "at \(time)" }
                    passed.append((time, requester, ssrc))
                }
            }
            return passed.isEmpty ? "nothing passed" : nil
        }
        #expect(failure == nil)
    }

    /// Moments in milliseconds at which requests pass when somebody asks every 10 ms for `length`.
    private func passes(
        _ length: Int64, requesters: UInt32 = 1, roundTrip: TimeDelta? = nil,
        _ change: (inout KeyframeLimits) -> Void
    ) -> [Int64] {
        var limits = KeyframeLimits()
        limits.sourceInterval = .zero
        limits.sourceQuota = 8
        limits.sourceQuotaInterval = .milliseconds(10)
        change(&limits)
        var throttle = Throttle(limits: limits)
        return stride(from: Int64(0), to: length, by: 10).filter { time in
            let requester = UInt32(time / 10) % requesters
            return throttle.admits(requester: requester, ssrc: 1, roundTrip: roundTrip, now: Self.ms(time))
        }
    }

    @Test("the receiver's interval, quota and the quota's interval can be set")
    func receiverLimits() {
        #expect(passes(2_000) { $0.interval = .milliseconds(600) } == [0, 600, 1_200])
        #expect(passes(5_000) { $0.quota = 5 } == [0, 200, 400, 600, 800])
        let shorter = passes(3_000) {
            $0.quota = 1
            $0.quotaInterval = .milliseconds(900)
        }
        #expect(shorter == [0, 900, 1_800, 2_700])
        #expect(passes(100, roundTrip: .milliseconds(20)) { _ in } == [0, 30, 60])
    }

    @Test("the source's interval, quota and the quota's interval can be set")
    func sourceLimits() {
        #expect(passes(1_000, requesters: 100) { $0.sourceInterval = .milliseconds(300) } == [0, 300, 600, 900])
        let quota = passes(1_200, requesters: 120) {
            $0.sourceQuota = 2
            $0.sourceQuotaInterval = .milliseconds(500)
        }
        #expect(quota == [0, 10, 500, 510, 1_000, 1_010])
    }

    @Test("a quota beyond what is remembered counts as that, one below one as one")
    func extremeQuota() {
        let many = passes(2_000) {
            $0.interval = .zero
            $0.quota = 1_000
        }
        #expect(many.count == ForwardingLimits.rememberedRequests)
        #expect(passes(2_000) { $0.quota = 0 } == [0])
    }
}
