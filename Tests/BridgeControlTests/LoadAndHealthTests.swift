// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Primitives
import TestSupport
import Testing

@Suite("Load and health")
struct LoadAndHealthTests {
    private func times(_ line: String) -> [UInt8] { Array("\(line)\ncpu0 1 2 3 4\nintr 5\n".utf8) }
    private func at(_ seconds: Int64) -> Timestamp { Timestamp(nanoseconds: seconds * 1_000_000_000) }

    @Test("stress is the share of processor time in use over 0.9, with what was stolen")
    func cpuUse() {
        var meter = LoadMeter()
        #expect(meter.nextTimeout == .zero)
        meter.sample(processorStatistics: times("cpu  100 0 100 800 0 0 0 0 0 0"), packetsPerSecond: 9, at: at(0))
        #expect(meter.stress == 0)
        #expect(meter.steal == nil)
        #expect(meter.nextTimeout == at(10))
        // Of 1,000 ticks: 300 used, 500 idle, 100 waiting, 100 stolen.
        meter.sample(processorStatistics: times("cpu  300 0 200 1300 100 0 0 100 0 0"), packetsPerSecond: 9, at: at(10))
        #expect(abs(meter.load - 0.4) < 1e-9)
        #expect(abs(meter.stress - 0.4 / 0.9) < 1e-9)
        #expect(meter.steal == 0.1)
        #expect(!meter.isOverloaded)
    }

    @Test("inside a control group with a quota the group's use counts")
    func controlGroup() {
        var meter = LoadMeter()
        let stat = times("cpu  100 0 100 800 0 0 0 0 0 0")
        meter.sample(processorStatistics: stat, group: .init(microseconds: 0, quota: 2), packetsPerSecond: 0, at: at(0))
        meter.sample(
            processorStatistics: stat, group: .init(microseconds: 10_000_000, quota: 2), packetsPerSecond: 0, at: at(10)
        )
        #expect(abs(meter.load - 0.5) < 1e-9)
    }

    @Test("the packet rate can be the measure")
    func packetRate() {
        var settings = LoadMeter.Settings()
        settings.measure = .packetRate
        var meter = LoadMeter(settings)
        meter.sample(processorStatistics: [], packetsPerSecond: 75_000, at: at(0))
        #expect(meter.stress == 1.5)
        #expect(meter.isOverloaded)
        meter.sample(processorStatistics: [], packetsPerSecond: .nan, at: at(10))
        #expect(meter.stress == 0)
    }

    @Test("whatever /proc/stat says, stress is a number and not negative")
    func hostileStatistics() {
        let failure = checkProperty(cases: 2_000) { random in
            var meter = LoadMeter()
            let line = times("cpu  300 0 200 1300 100 0 0 100 0 0")
            for second in 0...3 {
                let group = LoadMeter.ControlGroupUsage(microseconds: random.next(), quota: random.fraction())
                meter.sample(
                    processorStatistics: mutate(line, using: &random),
                    group: random.int(in: 0...1) == 0 ? nil : group, packetsPerSecond: 0, at: at(Int64(second / 2))
                )
                if !(meter.stress >= 0 && meter.stress.isFinite) { return "stress \(meter.stress)" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    private func facts(_ addresses: String..., mapped: [String] = []) -> HealthFacts {
        var facts = HealthFacts()
        facts.boundAddresses = addresses.compactMap { TransportAddress(ip: $0, port: 10_000) }
        facts.mappedAddresses = mapped.compactMap { TransportAddress(ip: $0, port: 10_000) }
        return facts
    }

    @Test(
        "a valid address is one that is neither site-local, link-local nor loopback",
        arguments: [
            ("10.1.2.3", false), ("172.16.0.1", false), ("192.168.1.1", false), ("127.0.0.1", false),
            ("169.254.1.1", false), ("::1", false), ("fe80::1", false), ("fec0::1", false), ("100.64.0.1", true),
            ("fd00::1", true), ("203.0.113.1", true), ("2001:db8::1", true),
        ]
    )
    func addresses(ip: String, isValid: Bool) {
        var checker = HealthChecker(startedAt: at(0))
        checker.check(facts(ip), began: at(0), at: at(0))
        #expect(checker.result(at: at(0)).isHealthy == isValid)
        checker.check(facts("10.0.0.1", mapped: [ip]), began: at(0), at: at(0))
        #expect(checker.result(at: at(0)).isHealthy == isValid)
        #expect(isValid || checker.result(at: at(0)).reason?.hasPrefix("no public address: name one in ") == true)
        var settings = HealthChecker.Settings()
        settings.requiresValidAddress = false
        var tolerant = HealthChecker(settings, startedAt: at(0))
        tolerant.check(facts(ip), began: at(0), at: at(0))
        #expect(tolerant.result(at: at(0)).isHealthy)
    }

    @Test("an unbound port and silent STUN servers are failures with a reason")
    func portAndSTUN() {
        var settings = HealthChecker.Settings()
        settings.requiresValidAddress = false
        settings.requiresSTUN = true
        var checker = HealthChecker(settings, startedAt: at(0))
        checker.check(HealthFacts(), began: at(0), at: at(0))
        #expect(checker.result(at: at(0)).reason == "UDP port not bound")
        var silent = facts("10.0.0.1")
        silent.hasSTUNServers = true
        checker.check(silent, began: at(0), at: at(0))
        #expect(checker.result(at: at(0)).reason == "no STUN server answered")
        silent.hasSTUNAnswer = true
        checker.check(silent, began: at(0), at: at(0))
        #expect(checker.result(at: at(0)) == .healthy)
    }

    @Test("healthy before the first check, unhealthy without a recent one, or when a check took too long")
    func timing() {
        var checker = HealthChecker(startedAt: at(0))
        #expect(checker.result(at: at(90)).isHealthy)
        #expect(!checker.result(at: at(91)).isHealthy)
        #expect(checker.nextTimeout == at(0))
        let good = facts("203.0.113.1")
        checker.check(good, began: at(100), at: at(100))
        #expect(checker.nextTimeout == at(160))
        #expect(checker.result(at: at(190)).isHealthy)
        #expect(!checker.result(at: at(191)).isHealthy)
        checker.check(good, began: at(200), at: at(204))
        #expect(checker.result(at: at(204)).reason == "health check took too long")
        checker.check(good, began: at(205), at: at(205))
        #expect(checker.result(at: at(205)).isHealthy)
    }

    @Test("sticky failures stay")
    func sticky() {
        var settings = HealthChecker.Settings()
        settings.isSticky = true
        var checker = HealthChecker(settings, startedAt: at(0))
        checker.check(HealthFacts(), began: at(0), at: at(0))
        checker.check(facts("203.0.113.1"), began: at(60), at: at(60))
        #expect(!checker.result(at: at(60)).isHealthy)
    }
}
