// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import ShardMessages

/// What one ReceiverVideoConstraints says: a member that is `nil` leaves what was there, one that is there replaces it
/// completely (media-plane.md 9.1).
public struct VideoConstraintsChange: Hashable, Sendable {
    /// How many sources with video at most; -1 is no limit.
    public var lastN: Int32?
    /// Names in order of their priority, behind ``onStageSources``.
    public var selectedSources: [String]?
    /// Names in order of their priority.
    public var onStageSources: [String]?
    /// For sources that ``constraints`` does not name.
    public var defaultConstraint: VideoConstraint?
    /// By source name.
    public var constraints: [String: VideoConstraint]?
    /// In bits per second; negative is off.
    public var assumedBandwidth: Int64?

    /// Nothing said.
    public init() {}

    /// Changes what a receiver asked before.
    public func apply(to state: inout VideoConstraints) {
        if let lastN { state.lastN = lastN }
        if let selectedSources { state.selectedSources = selectedSources }
        if let onStageSources { state.onStageSources = onStageSources }
        if let defaultConstraint { state.defaultConstraint = defaultConstraint }
        if let constraints { state.constraints = constraints }
        if let assumedBandwidth { state.assumedBandwidth = assumedBandwidth }
    }
}
