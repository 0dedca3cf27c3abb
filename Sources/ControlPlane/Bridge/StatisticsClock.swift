// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import Primitives

/// What the bridge knows of itself by looking now and then: rates, load, health, and whether systemd's watchdog is fed.
struct StatisticsClock {
    private(set) var health: HealthChecker
    private(set) var load: LoadMeter
    /// Per second, over the last interval.
    private(set) var rates = MediaRates()
    private var lastTotals: (totals: MediaTotals, at: Timestamp)
    private let interval: TimeDelta
    private var nextTick: Timestamp
    private let watchdogInterval: TimeDelta?
    private var nextWatchdog: Timestamp?

    /// A clock whose first look is due at once.
    /// - Parameters:
    ///   - totals: what the workers have counted so far.
    ///   - watchdogInterval: how often systemd wants to hear of us; `nil` when it does not.
    init(_ settings: BridgeSettings, totals: MediaTotals, watchdogInterval: TimeDelta?, at now: Timestamp) {
        health = HealthChecker(Self.healthRules(settings), startedAt: now)
        load = LoadMeter(Self.loadRules(settings))
        lastTotals = (totals, now)
        interval = settings.statisticsInterval
        nextTick = now
        self.watchdogInterval = watchdogInterval
        nextWatchdog = watchdogInterval.map { now + $0 }
    }

    private static func healthRules(_ settings: BridgeSettings) -> HealthChecker.Settings {
        var rules = HealthChecker.Settings()
        rules.interval = settings.health.interval
        rules.timeout = settings.health.timeout
        rules.maximumCheckDuration = settings.health.maxCheckDuration
        rules.isSticky = settings.health.hasStickyFailures
        rules.requiresValidAddress = settings.health.requiresValidAddress
        rules.requiresSTUN = settings.health.requiresSTUN
        return rules
    }

    private static func loadRules(_ settings: BridgeSettings) -> LoadMeter.Settings {
        var rules = LoadMeter.Settings()
        rules.measure = settings.load.measurement == .cpuUsage ? .cpuUsage : .packetRate
        rules.cpuThreshold = settings.load.cpuThreshold
        rules.packetRateThreshold = Double(settings.load.packetRateThreshold)
        rules.detectsSteal = settings.load.detectsSteal
        return rules
    }

    /// When the next look is due.
    var nextTimeout: Timestamp? {
        earlier(earlier(nextTick, nextWatchdog), earlier(health.nextTimeout, load.nextTimeout))
    }

    /// Whether it is time for new rates.
    func isTickDue(at now: Timestamp) -> Bool { nextTick <= now }

    /// Takes what the workers have counted until now.
    mutating func tick(_ totals: MediaTotals, at now: Timestamp) {
        nextTick = now + interval
        rates = MediaRates(from: lastTotals.totals, to: totals, over: now - lastTotals.at)
        lastTotals = (totals, now)
    }

    /// Whether it is time for a sample of the load.
    func isLoadDue(at now: Timestamp) -> Bool { load.nextTimeout <= now }

    /// Takes a sample of the load.
    /// - Parameters:
    ///   - processorStatistics: the beginning of `/proc/stat`.
    ///   - group: what the control group around the process has used, if it has a quota.
    mutating func sampleLoad(
        processorStatistics: [UInt8], group: LoadMeter.ControlGroupUsage?, at now: Timestamp
    ) {
        load.sample(
            processorStatistics: processorStatistics, group: group,
            packetsPerSecond: Double(rates.incomingPacketRate + rates.outgoingPacketRate), at: now)
    }

    /// Whether it is time to check the health.
    func isHealthDue(at now: Timestamp) -> Bool { health.nextTimeout <= now }

    /// Checks the health.
    /// - Parameter began: when the facts were gathered.
    /// - Returns: the result, if it is another than before.
    mutating func checkHealth(_ facts: HealthFacts, began: Timestamp, at now: Timestamp) -> HealthResult? {
        let before = health.result(at: began)
        health.check(facts, began: began, at: now)
        let result = health.result(at: began)
        return result == before ? nil : result
    }

    /// Whether systemd is to be told now that we live.
    /// - Parameter isAlive: whether every thread turns: one that hangs is a reason to be started anew.
    mutating func feedsWatchdog(isAlive: Bool, at now: Timestamp) -> Bool {
        guard let due = nextWatchdog, due <= now, let watchdogInterval else { return false }
        nextWatchdog = now + watchdogInterval
        return isAlive
    }

    /// The process did not run for a while: our time did not count it, systemd's did.
    mutating func didPause(at now: Timestamp) {
        if watchdogInterval != nil { nextWatchdog = now }
    }
}
