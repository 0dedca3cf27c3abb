// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One metric with its value, as `/metrics` shows it (operations.md d.2).
public struct Metric: Sendable {
    /// What a metric holds.
    public enum Value: Sendable {
        /// A whole number that goes up and down.
        case gauge(Int64)
        /// A number that goes up and down.
        case number(Double)
        /// A state: 0 or 1, in JSON a boolean.
        case flag(Bool)
        /// A number that only grows.
        case counter(UInt64)
        /// A distribution.
        case histogram(HistogramSnapshot)
        /// A text, carried by a label of this name.
        case info(label: String, text: String)
    }

    /// The name without prefix and, for counters, without `_total`.
    public let name: String
    /// The help text.
    public let help: String
    /// The value.
    public let value: Value
    /// What stands in front of the name.
    public let prefix: String

    /// The original's prefix.
    public static let bridgePrefix = "jitsi_jvb_"
    /// Prefix of metrics that the original does not have, so that dashboards never clash.
    public static let ownPrefix = "viaduct_"

    /// A metric.
    public init(_ name: String, _ help: String, _ value: Value, prefix: String = bridgePrefix) {
        self.name = name
        self.help = help
        self.value = value
        self.prefix = prefix
    }

    var fullName: String { prefix + name }
}
