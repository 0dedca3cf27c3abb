// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import BridgeControl
import Primitives
import Telemetry
import Testing

@testable import ControlPlane

@Suite("When the bridge looks at itself")
struct StatisticsClockTests {
    private let start = Timestamp.zero + .seconds(100)

    private func clock(_ text: String = "", watchdog: TimeDelta? = nil) throws -> StatisticsClock {
        let text = "videobridge.stats.interval = 5 s\nvideobridge.health.interval = 7 s\n" + text
        let settings = try BridgeSettings.load(Array(text.utf8), file: "test").settings
        return StatisticsClock(settings, totals: MediaTotals(), watchdogInterval: watchdog, at: start)
    }

    @Test("all is due at once, then each at its own interval")
    func intervals() throws {
        var clock = try clock()
        #expect(clock.isTickDue(at: start) && clock.isLoadDue(at: start) && clock.isHealthDue(at: start))
        clock.tick(MediaTotals(), at: start)
        clock.sampleLoad(processorStatistics: [], group: nil, at: start)
        _ = clock.checkHealth(HealthFacts(), began: start, at: start)
        #expect(!clock.isTickDue(at: start) && !clock.isLoadDue(at: start) && !clock.isHealthDue(at: start))
        #expect(clock.nextTimeout == start + .seconds(5))
        clock.tick(MediaTotals(), at: start + .seconds(5))
        #expect(clock.nextTimeout == start + .seconds(7))
        _ = clock.checkHealth(HealthFacts(), began: start + .seconds(7), at: start + .seconds(7))
        #expect(clock.nextTimeout == start + .seconds(10))
        #expect(clock.isLoadDue(at: start + .seconds(10)))
    }

    @Test("rates are of the last interval, and the load in packets is made of them")
    func rates() throws {
        let counters = CounterBlock()
        var clock = try clock(
            """
            videobridge.load-management.load-measurements {
                load-measurement = packet-rate
                packet-rate.load-threshold = 100
            }
            """)
        counters.add(.packetsReceived, 1_000)
        clock.tick(MediaTotals([counters]), at: start + .seconds(5))
        #expect(clock.rates.incomingPacketRate == 200)
        clock.sampleLoad(processorStatistics: [], group: nil, at: start + .seconds(5))
        #expect(clock.load.stress == 2)
        clock.tick(MediaTotals([counters]), at: start + .seconds(10))
        #expect(clock.rates.incomingPacketRate == 0)
    }

    @Test("only a change of health is told")
    func health() throws {
        var clock = try clock("videobridge.health.require-valid-address = false")
        var facts = HealthFacts()
        facts.boundAddresses = [try #require(TransportAddress(ip: "127.0.0.1", port: 10_000))]
        #expect(clock.checkHealth(facts, began: start, at: start) == nil)
        facts.isMediaStalled = true
        let result = clock.checkHealth(facts, began: start, at: start)
        #expect(result?.reason == "media worker hangs")
        #expect(clock.checkHealth(facts, began: start, at: start) == nil)
        facts.isMediaStalled = false
        #expect(clock.checkHealth(facts, began: start, at: start) == .healthy)
    }

    @Test("the watchdog is fed at its interval by who is alive, at once after a pause, and not where nobody watches")
    func watchdog() throws {
        var clock = try clock(watchdog: .seconds(1))
        var fed: [Bool] = []
        let looks: [(Bool, Int64)] = [(true, 0), (true, 1_000), (true, 1_000), (false, 2_000), (true, 2_500)]
        for (isAlive, milliseconds) in looks {
            fed.append(clock.feedsWatchdog(isAlive: isAlive, at: start + .milliseconds(milliseconds)))
        }
        // Hunger does not make the loop spin: the next time is an interval later.
        #expect(fed == [false, true, false, false, false])
        clock.didPause(at: start + .milliseconds(2_600))
        let isFedAfterPause = clock.feedsWatchdog(isAlive: true, at: start + .milliseconds(2_600))
        #expect(isFedAfterPause)
        var unwatched = try self.clock()
        unwatched.didPause(at: start)
        let isFedUnwatched = unwatched.feedsWatchdog(isAlive: true, at: start + .seconds(60))
        #expect(!isFedUnwatched)
    }
}
