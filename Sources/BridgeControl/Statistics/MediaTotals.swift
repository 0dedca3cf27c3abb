// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import Telemetry

/// The counters of all media workers added up at one moment.
public struct MediaTotals: Hashable, Sendable {
    private var values: [UInt64]

    /// Zeros.
    public init() { values = [UInt64](repeating: 0, count: MediaCounter.allCases.count) }

    /// The sum of the workers' blocks.
    public init(_ blocks: [CounterBlock]) {
        self.init()
        for counter in MediaCounter.allCases {
            for block in blocks { values[counter.rawValue] &+= block.value(counter) }
        }
    }

    /// One counter.
    public subscript(_ counter: MediaCounter) -> UInt64 {
        get { values[counter.rawValue] }
        set { values[counter.rawValue] = newValue }
    }
}

/// Rates between two moments.
public struct MediaRates: Hashable, Sendable {
    /// Received bits per second.
    public var incomingBitrate: UInt64 = 0
    /// Sent bits per second.
    public var outgoingBitrate: UInt64 = 0
    /// Received packets per second.
    public var incomingPacketRate: UInt64 = 0
    /// Sent packets per second.
    public var outgoingPacketRate: UInt64 = 0

    /// Zeros.
    public init() {}

    /// The growth from `earlier` to `later`, per second; zeros when no time has passed.
    public init(from earlier: MediaTotals, to later: MediaTotals, over time: TimeDelta) {
        func rate(_ counter: MediaCounter, _ factor: Double) -> UInt64 {
            guard time.nanoseconds > 0, later[counter] > earlier[counter] else { return 0 }
            let value = Double(later[counter] - earlier[counter]) * factor / time.seconds
            return UInt64(exactly: value.rounded()) ?? 0
        }
        incomingBitrate = rate(.bytesReceived, 8)
        outgoingBitrate = rate(.bytesSent, 8)
        incomingPacketRate = rate(.packetsReceived, 1)
        outgoingPacketRate = rate(.packetsSent, 1)
    }
}
