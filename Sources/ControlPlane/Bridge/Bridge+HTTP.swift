// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import PacketIO
internal import Primitives
internal import SRTP
internal import WebServer

// Answers to HTTP requests; what a request means is the router's.

extension Bridge {
    /// Answers this turn's share of the requests: clients who ask without end keep nothing else waiting.
    func answerRequests(at now: Timestamp) {
        guard let web else { return }
        hasMoreRequests = true
        for _ in 0..<ControlPlaneLimits.requestsPerTurn {
            guard let request = web.nextRequest() else {
                hasMoreRequests = false
                return
            }
            answer(request, at: now)
        }
    }

    /// Answers a request, now or when the directory or the worker has.
    func answer(_ request: HTTPRequest, at now: Timestamp) {
        let id = request.id
        switch router.action(for: request) {
        case .answer(let response): web?.respond(response)
        case .health: web?.respond(HTTPAnswers.health(clock.health.result(at: now), id: id))
        case .statistics: web?.respond(HTTPAnswers.json(StatisticsDocument(snapshot(at: now)).json, id: id))
        case .metrics(let format):
            web?.respond(HTTPAnswers.metrics(metrics(at: now).document, format: format, id: id))
        case .debug(let query): describe(query, request: id, at: now)
        case .delayStatistics:
            let document = JSONValue.object([
                ("colibri", directory.requestDelays.document),
                ("colibri_processing", directory.processingDelays.document),
            ])
            web?.respond(HTTPAnswers.json(document, id: id))
        case .drainState: web?.respond(HTTPAnswers.drain(directory.isDraining, id: id))
        case .setDrain(let isDraining):
            directory.setDraining(isDraining)
            settle(at: now)
            web?.respond(HTTPAnswers.empty(id: id))
        case .modify(let modify, let isUpdate):
            directory.handle(modify, token: replies.token(for: .http(id: id, isUpdate: isUpdate)), at: now)
        case .addClient(let client): web?.respond(HTTPAnswers.clientAdded(addClient(client, at: now), id: id))
        case .removeClient(let client): web?.respond(HTTPAnswers.clientRemoved(removeClient(client, at: now), id: id))
        case .listClients: web?.respond(HTTPAnswers.clients(connections.map(\.id), id: id))
        case .conference(let meetingID):
            web?.respond(HTTPAnswers.conference(isKnown: directory.hasConference(meetingID: meetingID), id: id))
        }
    }

    /// A full account needs the workers' own; otherwise the directory's is enough.
    private func describe(_ query: DebugQuery, request: UInt64, at now: Timestamp) {
        if query.isFull, replies.awaitDescription(query, request: request, ask: workers.describe) { return }
        web?.respond(HTTPAnswers.json(debugDocument([], query, at: now).json(query), id: request))
    }

    /// A worker's account has come.
    func takeDescription(_ number: UInt64, _ text: String) {
        guard let done = replies.addDescription(number, text) else { return }
        web?.respond(
            HTTPAnswers.json(debugDocument(done.workers, done.query, at: loop.now).json(done.query), id: done.request))
    }

    private func debugDocument(_ workers: [String], _ query: DebugQuery, at now: Timestamp) -> DebugDocument {
        DebugDocument(
            shutdownState: directory.shutdownState, isDraining: directory.isDraining,
            wallClockMilliseconds: WallClock.nanosecondsSinceEpoch() / 1_000_000, stress: clock.load.stress,
            conferences: directory.summaries, health: clock.health.result(at: now),
            srtpEngine: srtpEngine.engine.description, workers: workers, http: web?.counts,
            webSockets: settings.webSockets == nil ? nil : web?.webSocketCounts, channels: channelDescriptions(query))
    }
}
