// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
internal import SCTP
public import ShardMessages

/// Everything that is said over the bridge channels of all conferences (media-plane.md 11).
///
/// The hub knows for each endpoint its two possible transports, a data channel in its own SCTP association and a
/// WebSocket; what it said it wants; and what it was told. It reads messages, passes on those for others, and tells
/// state. It is not responsible for frames and compression of WebSockets, nor for DTLS.
///
/// **State and relayed messages.** Speaker, connectivity, forwarded sources and what is wanted of a sender are *state*:
/// only the last value counts, and it is sent whole when a channel opens (11.5). Messages and statistics of other
/// clients are *relayed*. A receiver that does not read falls *behind*: it gets nothing at all, what was to be relayed
/// to it is dropped and counted, and when it has read it gets its state as on opening. So nothing grows, and nothing is
/// ever reset.
///
/// **Collection.** Messages wait for ``BridgeChannelLimits/collection`` after the first of them and leave together, so
/// that those to one receiver share a packet. Changes of state that come meanwhile are told once. Without messages
/// there is no timer.
///
/// After each call drain ``pollRecord()``, ``pollWebSocket()``, ``pollCommand()`` and ``pollEvent()``; then sleep until
/// ``nextTimeout``. What is not taken waits, within the limits.
public struct ChannelHub: ~Copyable {
    let settings: ChannelSettings
    var random: Random
    var conferences: [ConferenceNumber: ChannelConference] = [:]
    var endpoints: [EndpointNumber: ChannelEndpoint] = [:]
    var connections: [WebSocketConnection: ChannelEndpoint] = [:]
    var nextSource: UInt64 = 1
    /// One entry for each endpoint with a time; others are outdated.
    var timers = DeadlineQueue()

    /// When the messages that are being collected leave.
    var collectionEnd: Timestamp?
    /// Counts collections.
    var window: UInt64 = 0
    /// Texts for the web thread that are being collected.
    var collected: [WebSocketAction] = []
    /// Bytes of texts in ``collected`` and ``webSocketActions``.
    var actionBytes = 0
    /// Endpoints whose associations have something new for the next packet.
    var collecting: [ChannelEndpoint] = []
    /// Endpoints whose state has to be looked through.
    var changed = Queue<ChannelEndpoint>()
    /// Those that wait for room in a collection, or among the texts for the web thread.
    var crowdedOut: [ChannelEndpoint] = []

    /// Endpoints whose associations have packets.
    var transmitting = Queue<ChannelEndpoint>()
    var webSocketActions = Queue<WebSocketAction>()
    /// Endpoints of which the worker has to be told something.
    var commanding = Queue<ChannelEndpoint>()
    var events = Queue<ChannelEvent>()

    /// What associations counted that are no more.
    var pastAssociations = SCTPCounters()
    /// What happened so far.
    public internal(set) var counters = ChannelCounters()

    /// A hub without conferences.
    public init(_ settings: ChannelSettings, random: Random) {
        self.settings = settings
        self.random = random
    }

    /// How many endpoints have an open channel.
    public var openChannels: Int { endpoints.values.count { $0.transport != nil } }

    /// What all associations counted, those that are no more included, each counter with its name.
    public var associationTotals: [(name: String, count: UInt64)] { associationCounters.byName }

    var associationCounters: SCTPCounters {
        endpoints.values.reduce(into: pastAssociations) { $0 += $1.channels?.counters ?? SCTPCounters() }
    }

    /// When ``handleTimeout(at:)`` has to be called at the latest.
    public var nextTimeout: Timestamp? { earlier(collectionEnd, timers.earliest) }

    /// Does what is due.
    public mutating func handleTimeout(at now: Timestamp) {
        // Ends: an endpoint's next time lies behind `now`, but for associations, which promise the same.
        for _ in 0..<BridgeChannelLimits.changesPerTurn {
            guard let entry = timers.popDue(at: now) else { break }
            guard let endpoint = endpoints[EndpointNumber(entry.owner)], endpoint.timer == entry.deadline else {
                continue
            }
            endpoint.timer = nil
            handleTimeout(of: endpoint, at: now)
        }
        if let collectionEnd, collectionEnd <= now { endCollection(at: now) }
    }

    private mutating func handleTimeout(of endpoint: ChannelEndpoint, at now: Timestamp) {
        if let due = endpoint.channels?.nextTimeout, due <= now {
            endpoint.channels?.handleTimeout(at: now)
            serve(endpoint, at: now)
        }
        if let due = endpoint.statsDue, due <= now { tellConnectionStats(endpoint, at: now) }
        if let due = endpoint.channelDue, due <= now {
            endpoint.channelDue = nil
            if endpoint.transport == nil {
                counters.endpointsWithoutChannel += 1
                note(.missing(endpoint.number))
            }
        }
        if let due = endpoint.commandDue, due <= now { command(endpoint, at: now) }
        if endpoint.needsForwarded || endpoint.needsConstraints { mark(endpoint, at: now) }
        schedule(endpoint)
    }

    /// The next SCTP packet for an endpoint: the payload of one DTLS record.
    public mutating func pollRecord() -> (EndpointNumber, [UInt8])? {
        // Ends: each turn takes an endpoint out of the queue.
        while let endpoint = transmitting.first {
            if let packet = endpoint.channels?.pollTransmit() { return (endpoint.number, packet) }
            endpoint.isTransmitting = false
            _ = transmitting.popFirst()
            if endpoint.hasEnded { retireAssociation(of: endpoint) }
            if endpoints[endpoint.number] === endpoint { schedule(endpoint) }
        }
        return nil
    }

    /// The next thing for the web thread.
    public mutating func pollWebSocket() -> WebSocketAction? {
        let action = webSocketActions.popFirst()
        if case .send(_, let text) = action { actionBytes -= text.count }
        return action
    }

    /// The next thing for the worker: only the latest of what was said since it was told last.
    public mutating func pollCommand() -> ShardCommand? {
        // Ends: each turn takes an endpoint out of the queue.
        while let endpoint = commanding.first {
            if endpoints[endpoint.number] === endpoint {
                let conference = endpoint.conference.number
                if let (source, type) = endpoint.takeVideoType() {
                    return .setVideoType(endpoint.number, conference: conference, source: source, type)
                }
                if endpoint.hasPreferencesToTell {
                    endpoint.hasPreferencesToTell = false
                    var preferences = endpoint.preferences
                    preferences.video.lastN = lastN(of: endpoint)
                    return .setPreferences(endpoint.number, conference: conference, preferences)
                }
            }
            endpoint.isCommanding = false
            _ = commanding.popFirst()
        }
        return nil
    }

    /// The next thing for the log.
    public mutating func pollEvent() -> ChannelEvent? { events.popFirst() }

    /// An association is no more.
    mutating func retireAssociation(of endpoint: ChannelEndpoint) {
        pastAssociations += endpoint.channels?.counters ?? SCTPCounters()
        endpoint.channels = nil
        endpoint.hasEnded = false
    }

    mutating func note(_ event: ChannelEvent) {
        if events.count == BridgeChannelLimits.events {
            _ = events.popFirst()
            counters.droppedEvents += 1
        }
        events.append(event)
    }

    /// Makes the timer of an endpoint follow its times. A time that moved away leaves the timer where it was: it is
    /// looked at again then.
    mutating func schedule(_ endpoint: ChannelEndpoint) {
        guard let due = endpoint.due else { return }
        if let timer = endpoint.timer, timer <= due { return }
        endpoint.timer = due
        timers.insert(due, owner: SlabKey(endpoint.number))
    }
}

extension SlabKey {
    /// An endpoint's number as the owner of a deadline.
    fileprivate init(_ number: EndpointNumber) {
        self.init(index: UInt32(truncatingIfNeeded: number.value), generation: UInt32(number.value >> 32))
    }
}

extension EndpointNumber {
    fileprivate init(_ key: SlabKey) { self.init(UInt64(key.generation) << 32 | UInt64(key.index)) }
}
