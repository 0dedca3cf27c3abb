// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The directory's numbers for the statistics (operations.md d.1).
public struct DirectoryCounts: Hashable, Sendable {
    /// Conferences now.
    public var conferences = 0
    /// Endpoints now.
    public var endpoints = 0
    /// Visitors among them.
    public var visitors = 0
    /// Endpoints of the largest conference.
    public var largestConference = 0
    /// Conferences made since the start.
    public var totalConferencesCreated: UInt64 = 0
    /// Conferences that ended.
    public var totalConferencesCompleted: UInt64 = 0
    /// Their lives added up, each rounded to seconds.
    public var totalConferenceSeconds: UInt64 = 0
    /// Endpoints made since the start.
    public var totalEndpoints: UInt64 = 0
    /// Visitors among them.
    public var totalVisitors: UInt64 = 0
    /// Requests that arrived.
    public var totalRequests: UInt64 = 0
    /// Requests that were answered with an error.
    public var totalFailedRequests: UInt64 = 0
    /// Those among them that a limit stood against.
    public var totalLimitRefusals: UInt64 = 0
    /// Requests that took longer than 100 ms.
    public var totalSlowRequests: UInt64 = 0
    /// Events that nobody fetched in time.
    public var totalDroppedEvents: UInt64 = 0

    /// Zeros.
    public init() {}
}
