// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// How loaded the machine is, as told to the focus: stress = load ÷ threshold, 1.0 is full (operations.md e.2).
///
/// The shell samples every ``interval``, first at once, with the text of `/proc/stat` or a packet rate.
public struct LoadMeter: Sendable {
    /// What load means.
    public enum Measure: String, Sendable, CaseIterable {
        /// Share of the processors in use by all processes, plus what a hypervisor took away.
        case cpuUsage = "cpu-usage"
        /// Packets per second, both directions.
        case packetRate = "packet-rate"
    }

    /// How to measure.
    public struct Settings: Sendable {
        /// What load means.
        public var measure = Measure.cpuUsage
        /// Processor share that counts as stress 1.0.
        public var cpuThreshold = 0.9
        /// Packets per second that count as stress 1.0.
        public var packetRateThreshold = 50_000.0
        /// Add what a hypervisor took away.
        public var detectsSteal = true

        /// The defaults.
        public init() {}
    }

    /// Processor time a control group has used, and what it may use.
    public struct ControlGroupUsage: Sendable {
        /// Microseconds of processor time since the group's start (`usage_usec` of `cpu.stat`).
        public var microseconds: UInt64
        /// Processors the quota allows, e.g. 1.5.
        public var quota: Double

        /// A reading.
        public init(microseconds: UInt64, quota: Double) {
            self.microseconds = microseconds
            self.quota = quota
        }

        /// Reads the group's files `cpu.max` and `cpu.stat` (the kernel's cgroup-v2.rst); `nil` without a quota.
        public init?(maximum: [UInt8], statistics: [UInt8]) {
            func words(_ line: some Sequence<UInt8>) -> [String] {
                String(decoding: Array(line), as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init)
            }
            let limits = words(maximum.prefix(BridgeControlLimits.procStatBytes)).map { UInt64($0) }
            let lines = statistics.prefix(BridgeControlLimits.procStatBytes).split(separator: 0x0A)
            let usage = lines.lazy.map { words($0) }.first { $0.first == "usage_usec" }?.last.flatMap { UInt64($0) }
            guard limits.count == 2, let allowed = limits[0], let period = limits[1], allowed > 0, period > 0,
                let usage
            else { return nil }
            self.init(microseconds: usage, quota: Double(allowed) / Double(period))
        }
    }

    /// Between samples.
    public static let interval = TimeDelta.seconds(Int64(10))

    private let settings: Settings
    private var last: ProcessorTimes?
    private var lastGroup: (usage: ControlGroupUsage, at: Timestamp)?
    private var due: Timestamp?

    /// The last load: a share of the processors, or packets per second; 0 before it is known.
    public private(set) var load = 0.0
    /// Share that a hypervisor took away, 0…1; `nil` before the second sample.
    public private(set) var steal: Double?

    /// A meter without samples.
    public init(_ settings: Settings = Settings()) { self.settings = settings }

    /// Load ÷ threshold; never negative, never not a number, and not limited to 1.
    public var stress: Double {
        let threshold = settings.measure == .cpuUsage ? settings.cpuThreshold : settings.packetRateThreshold
        guard threshold > 0, load.isFinite else { return 0 }
        return max(0, load / threshold)
    }

    /// Whether the load has reached its threshold.
    public var isOverloaded: Bool { stress >= 1 }

    /// When the next sample is due; a moment long past before the first.
    public var nextTimeout: Timestamp { due ?? .zero }

    /// Takes a sample.
    ///
    /// - Parameters:
    ///   - processorStatistics: the beginning of `/proc/stat`; without a usable `cpu` line the old load stays.
    ///   - group: the reading of a control group with a quota, which then stands for processor use.
    ///   - packetsPerSecond: both directions over all endpoints.
    public mutating func sample(
        processorStatistics: [UInt8], group: ControlGroupUsage? = nil, packetsPerSecond: Double, at now: Timestamp
    ) {
        due = now + Self.interval
        let times = ProcessorTimes(processorStatistics)
        defer {
            last = times ?? last
            lastGroup = group.map { ($0, now) }
        }
        var use: Double?
        if let times, let last {
            steal = times.stealShare(since: last)
            use = times.useShare(since: last)
        }
        if let group, let lastGroup {
            use = Self.share(of: group, at: now, since: lastGroup) ?? use
        }
        switch settings.measure {
        case .packetRate: load = packetsPerSecond.isFinite ? max(0, packetsPerSecond) : 0
        case .cpuUsage:
            guard let use else { return }
            load = use + (settings.detectsSteal ? steal ?? 0 : 0)
        }
    }

    private static func share(
        of group: ControlGroupUsage, at now: Timestamp, since last: (usage: ControlGroupUsage, at: Timestamp)
    ) -> Double? {
        let elapsed = (now - last.at).seconds
        guard elapsed > 0, group.quota > 0, group.microseconds >= last.usage.microseconds else { return nil }
        return Double(group.microseconds - last.usage.microseconds) / 1e6 / elapsed / group.quota
    }
}
