// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Colibri
public import Primitives
public import ShardMessages

/// The one truth of which conference and endpoint is where, and the queue of requests in front of each conference
/// (control-plane.md 3.9).
///
/// Requests of all connections come in by ``handle(_:token:at:)`` in order of arrival. The look-up happens at once: a
/// create makes the conference visible, an expire frees its id, before the next request is looked at. Then the request
/// joins the queue of its conference. Each conference has at most one request with the worker; different conferences do
/// not wait for each other. A request is checked as a whole before anything happens and goes to the worker as one step
/// that happens or does not, so an error leaves nothing behind. A worker that stays silent costs the request an error
/// after a deadline, and whatever the request would have made is ended behind it.
///
/// After each call drain ``pollCommand()``, ``pollChannelChange()``, ``pollReply()`` and ``pollEvent()``; then sleep
/// until ``nextTimeout``.
public struct Directory: Sendable {
    /// What the directory has to know of the bridge.
    public struct Settings: Sendable {
        /// A candidate of the bridge's own, the same for all endpoints.
        public struct LocalCandidate: Hashable, Sendable {
            /// As it is signalled; an empty `id` gets unique text in each answer.
            public var description: CandidateDescription
            /// Offered only where private addresses are (control-plane.md 4.3).
            public var isPrivate: Bool

            /// A candidate.
            public init(_ description: CandidateDescription, isPrivate: Bool) {
                self.description = description
                self.isPrivate = isPrivate
            }
        }

        /// The bridge's candidates, host candidates first.
        public var candidates: [LocalCandidate] = []
        /// Private addresses are offered to everybody (`ice.advertise-private-candidates`).
        public var advertisesPrivateCandidates = true
        /// Data channels can be asked for.
        public var isSCTPEnabled = false
        /// What the addresses of WebSockets begin with, one for each address that an endpoint is told: up to and with
        /// the slash behind the server's id. Empty while there are no WebSockets.
        public var webSocketPrefixes: [String] = []
        /// What receivers get before they say anything.
        public var initialPreferences = InitialPreferences()
        /// How long the worker may take, and how long a request may wait for its turn.
        public var requestDeadline = TimeDelta.seconds(Int64(10))
        /// The bridge starts drained (`initial-drain-mode`).
        public var isInitiallyDraining = false
        /// Graceful shutdown ends at or below so many endpoints.
        public var gracefulShutdownMinimumParticipants = 0
        /// Graceful shutdown ends after so long at the latest.
        public var gracefulShutdownMaximumDuration = TimeDelta.seconds(Int64(86_400))
        /// Conferences at one time (`viaduct.limits.conferences`).
        public var maximumConferences = BridgeControlLimits.conferences
        /// Endpoints at one time (`viaduct.limits.endpoints`).
        public var maximumEndpoints = BridgeControlLimits.endpoints
        /// Endpoints of one conference (`viaduct.limits.endpoints-per-conference`).
        public var maximumEndpointsPerConference = BridgeControlLimits.endpointsPerConference
        /// Time for the focus to move people away before the process ends.
        public var shuttingDownDelay = TimeDelta.seconds(Int64(60))

        /// The defaults, without candidates.
        public init() {}
    }

    var settings: Settings
    var random: Random
    let secureBytes: @Sendable (Int) -> [UInt8]
    var conferences: [ConferenceNumber: ConferenceRecord] = [:]
    /// Meeting ids that are taken.
    var meetings: [String: ConferenceNumber] = [:]
    /// Names of conferences on this bridge.
    var localIDs: [String: ConferenceNumber] = [:]
    /// Where an endpoint of the worker's lives.
    var endpoints: [EndpointNumber: (conference: ConferenceNumber, id: String)] = [:]
    /// Requests the worker has, by number.
    var outstanding: [UInt64: ConferenceNumber] = [:]
    /// The same in the order of their deadlines; answered ones are dropped when they come to the front.
    var deadlines = Queue<(deadline: Timestamp, request: UInt64)>()
    var nextConference: UInt64 = 1
    var nextEndpoint: UInt64 = 1
    var nextRequest: UInt64 = 1
    var totals = DirectoryCounts()

    var commands = Queue<ShardCommand>()
    var replies = Queue<(RequestToken, Result<ConferenceModified, ColibriError>)>()
    var events = Queue<DirectoryEvent>()
    var channelChanges = Queue<ChannelChange>()

    /// How far the bridge is on its way out.
    public internal(set) var shutdownState = ShutdownState.running
    /// Graceful shutdown was asked for at some time (the statistic never returns to false).
    public internal(set) var isGracefulShutdownRequested = false
    /// The drain flag: only reported.
    public internal(set) var isDraining: Bool
    var shutdownDeadline: Timestamp?

    /// From arrival to reply.
    public internal(set) var requestDelays = DelayHistogram()
    /// From a request's turn to its reply.
    public internal(set) var processingDelays = DelayHistogram()

    /// An empty directory.
    ///
    /// - Parameters:
    ///   - random: for feedback SSRCs and ids that are not secrets.
    ///   - secureBytes: so many bytes that nobody can guess, for passwords.
    public init(_ settings: Settings, random: Random, secureBytes: @escaping @Sendable (Int) -> [UInt8]) {
        self.settings = settings
        self.random = random
        self.secureBytes = secureBytes
        isDraining = settings.isInitiallyDraining
    }

    /// Offers other candidates from now on: the machine's addresses have changed.
    public mutating func setCandidates(_ candidates: [Settings.LocalCandidate]) { settings.candidates = candidates }

    /// The next command for the worker. Ask only while the worker's ring has room.
    public mutating func pollCommand() -> ShardCommand? { commands.popFirst() }

    /// The next reply: to be sent on the connection that the token stands for, if that still exists.
    public mutating func pollReply() -> (RequestToken, Result<ConferenceModified, ColibriError>)? { replies.popFirst() }

    /// The next thing that the bridge channels' side has to know.
    public mutating func pollChannelChange() -> ChannelChange? { channelChanges.popFirst() }

    /// The next event for the log.
    public mutating func pollEvent() -> DirectoryEvent? { events.popFirst() }

    /// When ``handleTimeout(at:)`` has something to do.
    public var nextTimeout: Timestamp? { earlier(deadlines.first?.deadline, shutdownDeadline) }

    /// Gives up on what the worker has not answered in time, and moves a shutdown on.
    public mutating func handleTimeout(at now: Timestamp) {
        while let first = deadlines.first, first.deadline <= now {
            _ = deadlines.popFirst()
            giveUp(first.request, at: now)
        }
        advanceShutdown(at: now)
    }

    /// The numbers for the statistics.
    public var counts: DirectoryCounts {
        var result = totals
        result.conferences = conferences.count
        for conference in conferences.values {
            result.endpoints += conference.endpoints.count
            result.visitors += conference.endpoints.values.count { $0.isVisitor }
            result.largestConference = max(result.largestConference, conference.endpoints.count)
        }
        return result
    }

    /// Whether a conference of that meeting exists.
    public func hasConference(meetingID: String) -> Bool { meetings[meetingID] != nil }

    /// The conference with that name on this bridge.
    public func conference(localID: String) -> ConferenceNumber? { localIDs[localID] }

    /// All conferences in the order of their creation, for `/debug`.
    public var summaries: [ConferenceSummary] {
        conferences.values.sorted { $0.number.value < $1.number.value }.map { conference in
            ConferenceSummary(
                localID: conference.localID, meetingID: conference.meetingID, name: conference.name,
                isRTCStatsEnabled: conference.isRTCStatsEnabled,
                endpoints: conference.endpoints.mapValues { $0.statsID ?? "" }
            )
        }
    }

    /// Notes what happened to the bridge as a whole.
    mutating func note(_ kind: DirectoryEvent.Kind) { note(DirectoryEvent(kind)) }

    mutating func note(_ event: DirectoryEvent) {
        if events.count >= BridgeControlLimits.queuedEvents {
            _ = events.popFirst()
            totals.totalDroppedEvents += 1
        }
        events.append(event)
    }
}
