// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeChannel
internal import BridgeConfiguration
internal import BridgeControl
internal import Primitives
internal import ShardMessages

// The bridge channels: who is there goes from the directory to the hub, packets from the workers to it and back, what
// clients want from it to the workers.

extension Bridge {
    /// What the configuration means for the hub.
    static func channelSettings(_ settings: BridgeSettings, version: String) -> ChannelSettings {
        let channel = settings.channel
        var result = ChannelSettings()
        result.initial = initialPreferences(settings)
        result.announcedVersion = channel.announcesVersion ? version : nil
        result.defaultMaxHeight = Int32(clamping: channel.defaultMaxHeight)
        result.setLastN(
            bridge: channel.bridgeLastN, bySize: channel.conferenceLastNLimits, pictures: settings.allocation.pictures)
        result.connectionStatsInterval = channel.connectionStatsInterval
        result.statsFilterThreshold = channel.statsFilterThreshold
        result.initialBandwidth = channel.initialBandwidth
        result.dataChannels = channel.maximumDataChannels
        return result
    }

    /// What receivers get before they say anything.
    static func initialPreferences(_ settings: BridgeSettings) -> InitialPreferences {
        var result = InitialPreferences()
        result.offersWebSockets = !webSocketPrefixes(settings).isEmpty
        result.lastN = Int32(clamping: settings.channel.initialLastN)
        result.maxHeight = Int32(clamping: settings.channel.initialMaxHeight)
        return result
    }

    /// Tells the hub who came and went. Before anything else reaches it: what a worker or a client says of an endpoint
    /// comes behind the news that it exists.
    func tellHub(at now: Timestamp) {
        while let change = directory.pollChannelChange() {
            switch change {
            case .conferenceAdded(let number): hub.addConference(number)
            case .conferenceRemoved(let number): hub.removeConference(number, at: now)
            case .endpointAdded(let endpoint):
                hub.addEndpoint(
                    endpoint.number, conference: endpoint.conference, id: endpoint.id, isVisitor: endpoint.isVisitor,
                    usesSCTP: endpoint.usesSCTP, password: endpoint.password, at: now)
            case .endpointRemoved(let number): hub.removeEndpoint(number, at: now)
            case .dataChannelAdded(let number): hub.enableSCTP(of: number, at: now)
            case .sourcesChanged(let number, let sources): hub.setSources(number, sources, at: now)
            case .initialLastN(let number, let lastN): hub.setInitialLastN(lastN, of: number, at: now)
            }
        }
    }

    /// Takes this turn's share of the packets of data channels.
    ///
    /// While they come, each one is not worth a wake-up of its own: the loop looks again a little later, by itself, and
    /// takes what has come since. Most are acknowledgements, and messages are collected for longer than that.
    func takeRecords(at now: Timestamp) {
        recordsDue = workers.takeRecords(at: now) { endpoint, record in
            hub.receive(record: record, from: endpoint, at: now)
        }
    }

    /// Moves what the hub wants to where it belongs.
    func settleHub(at now: Timestamp) {
        workers.sendCommands(at: now) { hub.pollCommand() }
        workers.sendRecords(at: now) { hub.pollRecord() }
        settleWebSockets(at: now)
        while let event = hub.pollEvent() {
            switch event {
            case .opened(let number, let transport):
                directory.note(.opened(transport: transport), about: number, at: now)
            case .closed(let number, let transport):
                directory.note(.closed(transport: transport), about: number, at: now)
            case .missing(let number): directory.note(.missing, about: number, at: now)
            case .behind(let number): directory.note(.behind, about: number, at: now)
            }
        }
    }

    /// What the channels have counted.
    var channelTotals: ChannelTotals {
        let counters = hub.counters
        var totals = ChannelTotals()
        totals.dataChannelMessagesReceived = counters.dataChannelMessagesReceived
        totals.dataChannelMessagesSent = counters.dataChannelMessagesSent
        totals.dataChannelsRejected = counters.dataChannelsRefused
        totals.webSocketMessagesReceived = counters.webSocketMessagesReceived
        totals.webSocketMessagesSent = counters.webSocketMessagesSent
        totals.endpointsWithoutChannel = counters.endpointsWithoutChannel
        totals.own = [
            ("data_channels_opened", "Data channels that opened.", counters.dataChannelsOpened),
            ("data_channels_closed", "Data channels that closed.", counters.dataChannelsClosed),
            ("websockets_opened", "WebSockets that opened.", counters.webSocketsOpened),
            ("websockets_closed", "WebSockets that closed.", counters.webSocketsClosed),
            (
                "websockets_replaced", "WebSockets that another of the same endpoint took the place of.",
                counters.webSocketsReplaced
            ),
            ("websockets_forbidden", "WebSockets that were not let in.", counters.authorizationsRefused),
            ("channel_receivers_behind", "Times a client did not read its channel.", counters.receiversBehind),
            ("channel_dropped_events", "Events of channels that did not reach the log.", counters.droppedEvents),
        ]
        totals.own += counters.refusedByReason.map {
            ("channel_messages_refused_\($0.reason)", "Messages of clients that could not be read.", $0.count)
        }
        totals.own += counters.droppedByReason.map {
            ("channel_messages_dropped_\($0.reason)", "Messages that did not reach whom they were for.", $0.count)
        }
        totals.own += hub.associationTotals.map {
            ("channel_sctp_\($0.name)", "Of the SCTP associations of data channels.", $0.count)
        }
        return totals
    }

    /// What `/debug` shows of the channels: by conference and endpoint, for as many endpoints as one answer has room
    /// for.
    func channelDescriptions(_ query: DebugQuery) -> [String: [(String, JSONValue)]] {
        guard query.isFull || query.endpointID != nil else { return [:] }
        var left = ControlPlaneLimits.describedChannels
        var result: [String: [(String, JSONValue)]] = [:]
        for conference in directory.summaries where query.conferenceID.map({ $0 == conference.localID }) ?? true {
            for member in directory.members(localID: conference.localID)
            where query.endpointID.map({ $0 == member.id }) ?? true {
                guard left > 0 else { return result }
                left -= 1
                guard let description = hub.description(of: member.number) else { continue }
                result[conference.localID, default: []].append((member.id, description))
            }
        }
        return result
    }
}
