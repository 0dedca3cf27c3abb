// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import SCTP
internal import ShardMessages

/// One client: its two possible transports, what it said it wants, and what it has to be told.
final class ChannelEndpoint {
    let number: EndpointNumber
    unowned let conference: ChannelConference
    let id: String
    let isVisitor: Bool
    let password: [UInt8]
    let createdAt: Timestamp

    // MARK: Transports

    var usesSCTP: Bool
    /// Records that came before it was known to use SCTP.
    var early: [[UInt8]] = []
    /// Its association; `nil` before the first packet and after its end.
    var channels: DataChannels?
    /// The open data channel.
    var dataChannel: DataChannel?
    var webSocket: WebSocketConnection?
    /// The WebSocket was the last one connected or heard.
    var prefersWebSocket = false
    /// Bytes that the web thread has not got rid of.
    var backlog = 0
    /// It does not read from its data channel: it gets nothing there, and its state as a whole when it has read.
    var isDataChannelBehind = false
    /// The same of its WebSocket.
    var isWebSocketBehind = false
    /// Its association is over; what it still has to send is its last.
    var hasEnded = false
    /// When a channel of its opened first.
    var connectedAt: Timestamp?
    /// Since when it may have missed something; `nil` while it was told everything.
    var outOfStepSince: Timestamp?
    /// Bytes given to its WebSocket in the collection of that number.
    var collected: (window: UInt64, bytes: Int) = (0, 0)
    /// It is in one of the hub's lists.
    var isCollecting = false
    var isTransmitting = false
    var isChanged = false
    var isCommanding = false

    // MARK: What it said

    var messages = Budget(
        perSecond: BridgeChannelLimits.messagesPerSecond, burst: BridgeChannelLimits.messageBurst)
    var bytes = Budget(perSecond: BridgeChannelLimits.bytesPerSecond, burst: BridgeChannelLimits.byteBurst)
    /// What its messages may become at their receivers.
    var fanOut = Budget(
        perSecond: BridgeChannelLimits.senderFanOutPerSecond, burst: BridgeChannelLimits.senderFanOutBurst)
    var preferences: ReceiverPreferences
    /// It sent ReceiverVideoConstraints.
    var hasConstraints = false
    /// Sources that it selected or has on stage.
    var namedSources: Set<String> = []
    /// What its sources show, signalled or not, the one said last at the end.
    private(set) var videoTypes: [(source: String, type: VideoType, isTold: Bool)] = []
    /// The worker has to be told its preferences.
    var hasPreferencesToTell = false

    // MARK: What it gets

    /// Its video sources.
    var sources: [ChannelSource] = []
    /// How many of them its conference has, which takes them in one by one.
    var sharedSources = 0
    /// How many of the others' sources it may get, whatever it wishes; -1 is no limit.
    var allowedSources: Int32 = -1
    /// The heights it may get of others' sources within its last-N, where that is not 0: what senders are told by.
    var grants: [ChannelSource: Int32] = [:]
    /// Those of which the worker sends it something, by name.
    var forwarded: [String] = []
    /// What its slots carry, as the worker told it, each slot once in the order in which they were made; empty without
    /// SSRC rewriting.
    var slots: [SlotMapping] = []
    /// Its grants have to be looked through.
    var needsWalk = false
    /// It has to be told its forwarded sources.
    var needsForwarded = false
    /// It has to be told what is wanted of one of its sources.
    var needsConstraints = false
    /// When it was told either of the two last; `nil` when never.
    var toldAt: Timestamp?
    /// It is heard.
    var isActive = true
    /// When that changed.
    var activityChange = Timestamp.zero
    /// Bits per second that its downlink carries; `nil` before there is an estimate.
    var estimate: UInt64?

    // MARK: Times

    /// When the worker was told something of it last.
    var commandedAt: Timestamp?
    /// When the worker is to be told more.
    var commandDue: Timestamp?
    /// When its ConnectionStats are due; `nil` without a channel.
    var statsDue: Timestamp?
    /// When a missing channel is counted.
    var channelDue: Timestamp?
    /// The hub's timer for it that counts.
    var timer: Timestamp?

    /// How it can be reached.
    enum Transport {
        case webSocket(WebSocketConnection)
        case dataChannel(DataChannel)
    }

    init(
        _ number: EndpointNumber, conference: ChannelConference, id: String, isVisitor: Bool, usesSCTP: Bool,
        password: String, preferences: ReceiverPreferences, at now: Timestamp
    ) {
        self.number = number
        self.conference = conference
        self.id = id
        self.isVisitor = isVisitor
        self.usesSCTP = usesSCTP
        self.password = Array(password.utf8)
        self.preferences = preferences
        createdAt = now
    }

    /// Where messages to it go (media-plane.md 11.1).
    var transport: Transport? {
        if prefersWebSocket, let webSocket { return .webSocket(webSocket) }
        if let dataChannel { return .dataChannel(dataChannel) }
        return webSocket.map { .webSocket($0) }
    }

    /// Whether it does not read from where messages to it go.
    var isBehind: Bool {
        get {
            switch transport {
            case .webSocket: isWebSocketBehind
            case .dataChannel: isDataChannelBehind
            case nil: false
            }
        }
        set {
            switch transport {
            case .webSocket: isWebSocketBehind = newValue
            case .dataChannel: isDataChannelBehind = newValue
            case nil: break
            }
        }
    }

    /// Whether it can be told something now.
    var isReachable: Bool { !isBehind && transport != nil }

    /// What a source of its shows; what the signalling says counts until it says something itself.
    func videoType(of source: String, isDesktop: Bool) -> VideoType {
        videoTypes.last { $0.source == source }?.type ?? (isDesktop ? .desktop : .camera)
    }

    /// Remembers what a source shows; where there is no room the one said first goes.
    /// - Returns: whether that is new.
    func remember(_ type: VideoType, of source: String) -> Bool {
        if let known = videoTypes.last(where: { $0.source == source }), known.type == type { return false }
        videoTypes.removeAll { $0.source == source }
        if videoTypes.count == BridgeChannelLimits.videoTypes { videoTypes.remove(at: 0) }
        videoTypes.append((source, type, false))
        return true
    }

    /// A video type of which the worker does not know.
    func takeVideoType() -> (source: String, type: VideoType)? {
        guard let index = videoTypes.firstIndex(where: { !$0.isTold }) else { return nil }
        videoTypes[index].isTold = true
        return (videoTypes[index].source, videoTypes[index].type)
    }

    /// From when on it may be told of changes again.
    var mayBeTold: Timestamp { toldAt.map { $0 + BridgeChannelLimits.changeInterval } ?? .zero }

    /// The earliest of its times.
    var due: Timestamp? {
        var due = earlier(earlier(statsDue, channelDue), commandDue)
        if needsForwarded || needsConstraints, isReachable, !isChanged { due = earlier(due, mayBeTold) }
        return earlier(due, channels?.nextTimeout)
    }
}
