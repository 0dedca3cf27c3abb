// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Allocation
public import Primitives
public import SCTP
public import ShardMessages

/// What the hub is told of the configuration. The defaults are the original's.
public struct ChannelSettings: Sendable {
    /// Told in ServerHello (`version.announce`); `nil` when it is not.
    public var announcedVersion: String?
    /// Before a receiver says otherwise; workers are told the same.
    public var initial = InitialPreferences()
    /// Where a receiver's first constraints have no default of their own (`cc.default-max-height-px`).
    public var defaultMaxHeight: Int32 = 180
    /// What limits the sources that receivers get, whatever they wish.
    public var lastN = LastNLimits()
    /// How often a client is told its ConnectionStats (`connection-stats`); `nil` for never.
    public var connectionStatsInterval: TimeDelta? = .seconds(10)
    /// Members up to which all EndpointStats go to all (`stats-filter-threshold`).
    public var statsFilterThreshold = 20
    /// Bits per second that are told until there is an estimate (`jmt.bwe.estimator.initial-bw`).
    public var initialBandwidth: UInt64 = 2_500_000
    /// Data channels of one association (`sctp.max-channels`).
    public var dataChannels = 1
    /// What each association is told; ``dataChannels`` and the limits on waiting bytes replace its own.
    public var sctp = SCTPSettings()

    /// The defaults.
    public init() {}

    /// Sets ``lastN``.
    /// - Parameters:
    ///   - bridge: for all receivers; -1 is no limit.
    ///   - bySize: by size of the conference, smaller sizes first.
    ///   - pictures: sources that can be told apart at a receiver.
    public mutating func setLastN(bridge: Int, bySize: [(size: Int, lastN: Int)], pictures: Int) {
        lastN.bridge = Int32(clamping: bridge)
        lastN.bySize = bySize.map { .init(size: Int32(clamping: $0.size), lastN: Int32(clamping: $0.lastN)) }
        lastN.slots = Int32(clamping: pictures)
    }

    /// `sctp` as associations get it.
    var association: SCTPSettings {
        var settings = sctp
        settings.channels = dataChannels
        settings.largestMessage = BridgeChannelLimits.messageBytes
        settings.sendBuffer = BridgeChannelLimits.waitingBytes
        settings.writableMark = BridgeChannelLimits.resumeBytes
        return settings
    }
}
