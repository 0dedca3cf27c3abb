// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Everything the statistics document is made of, at one moment: plain values gathered by the shell.
public struct StatisticsSnapshot: Sendable {
    /// Counts of the directory.
    public var directory = DirectoryCounts()
    /// Counters of the media workers.
    public var media = MediaTotals()
    /// Counters of the bridge channels.
    public var channels = ChannelTotals()
    /// Rates since the last tick.
    public var rates = MediaRates()
    /// Load ÷ threshold.
    public var stress = 0.0
    /// Configured constant.
    public var averageParticipantStress = 0.01
    /// Threads of the process, when known.
    public var threads: Int?
    /// Last health result.
    public var isHealthy = true
    /// Drain flag.
    public var isDraining = false
    /// Graceful shutdown was requested.
    public var isGracefulShutdown = false
    /// The final phase has begun.
    public var isShuttingDown = false
    /// Version told to the focus; the same on all bridges of a fleet.
    public var version = ""
    /// Configured release label.
    public var release: String?
    /// Configured region.
    public var region: String?
    /// Only with relays switched on.
    public var relayID: String?
    /// XMPP clients known.
    public var mucClientsConfigured = 0
    /// XMPP clients logged in.
    public var mucClientsConnected = 0
    /// Rooms configured.
    public var mucsConfigured = 0
    /// Rooms joined.
    public var mucsJoined = 0
    /// Wall clock: nanoseconds since 1970, UTC.
    public var wallClockNanoseconds: Int64 = 0

    /// A bridge at rest.
    public init() {}
}
