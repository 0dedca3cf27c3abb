// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Bounds of the control plane's tables, queues and waits.
public enum BridgeControlLimits {
    /// Conferences at one time, unless the configuration says less; a create beyond is refused. What the workers have
    /// room for, as are the next two: a limit's own sentence is to be met before a full table.
    public static let conferences = 2_048
    /// Endpoints at one time, over all conferences.
    public static let endpoints = 8_192
    /// Endpoints of one conference.
    public static let endpointsPerConference = 1_024
    /// Requests of one conference that wait for their turn; one more is refused at once.
    public static let queuedRequestsPerConference = 1_024
    /// Deadlines of answered requests that stay in the list, beyond as many as are unanswered.
    static let answeredDeadlines = 1_024
    /// Media exports that one conference remembers.
    public static let connectsPerConference = 64
    /// Events that wait to be logged; the oldest go first.
    public static let queuedEvents = 4_096
    /// How often a harmless request is tried again because an endpoint ended meanwhile.
    public static let replans = 4
    /// A request that takes longer is reported.
    static let slowRequest = TimeDelta.milliseconds(100)
    /// Bytes of `/proc/stat` that are looked at.
    public static let procStatBytes = 4_096
}
