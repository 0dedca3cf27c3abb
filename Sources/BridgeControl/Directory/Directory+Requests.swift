// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Colibri
public import Primitives
internal import ShardMessages

extension Directory {
    /// Takes a request. Its reply comes by ``pollReply()``, at once or later, exactly once.
    ///
    /// - Parameter token: names the request in the reply.
    public mutating func handle(_ request: ConferenceModify, token: RequestToken, at now: Timestamp) {
        totals.totalRequests += 1
        let pending = PendingRequest(request: request, token: token, arrival: now, start: now)
        do throws(ColibriError) {
            let number = try lookUp(request, at: now)
            guard let queued = conferences[number]?.queue.count,
                queued < BridgeControlLimits.queuedRequestsPerConference
            else {
                throw .limitReached(
                    "\(BridgeControlLimits.queuedRequestsPerConference) requests wait for this conference already")
            }
            conferences[number]?.queue.append(pending)
            if request.isExpire { close(number) }
            processQueue(of: number, at: now)
        } catch {
            reply(to: pending, .failure(error), at: now)
        }
    }

    /// Step 1: finds the conference, or makes it, before the next request is looked at.
    private mutating func lookUp(_ request: ConferenceModify, at now: Timestamp) throws(ColibriError)
        -> ConferenceNumber
    {
        let existing = meetings[request.meetingID]
        guard request.isCreate else {
            guard let existing else { throw .unknownConference(request.meetingID) }
            return existing
        }
        guard existing == nil else { throw .conferenceExists }
        // JVB accepts creates again once it is shutting down; that is a defect (control-plane.md 6).
        guard shutdownState == .running else { throw .gracefulShutdown }
        if let name = request.name, !Self.isBareJID(name) { throw .badRequest("conference name is not a room's JID") }
        guard conferences.count < settings.maximumConferences else {
            throw .limitReached(
                "this bridge holds \(settings.maximumConferences) conferences and takes no more"
                    + " (viaduct.limits.conferences)")
        }
        let number = ConferenceNumber(nextConference)
        nextConference += 1
        let localID = String(random.next() | 1 << 63, radix: 16)
        let audioSSRC = UInt32(random.int(in: 1...Int(UInt32.max)))
        var videoSSRC = UInt32(random.int(in: 1...Int(UInt32.max)))
        if videoSSRC == audioSSRC { videoSSRC = audioSSRC == .max ? 1 : audioSSRC + 1 }
        conferences[number] = ConferenceRecord(
            number: number, meetingID: request.meetingID, name: request.name, localID: localID,
            audioSSRC: audioSSRC, videoSSRC: videoSSRC, createdAt: now, isRTCStatsEnabled: request.isRTCStatsEnabled
        )
        meetings[request.meetingID] = number
        localIDs[localID] = number
        return number
    }

    /// A room's address: both parts there, no resource, no white space.
    static func isBareJID(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.utf8.count <= 1_023 }
            && !text.contains { $0 == "/" || $0.isWhitespace }
    }

    /// Frees the meeting id, so that a create that follows makes a new conference.
    mutating func close(_ number: ConferenceNumber) {
        guard let conference = conferences[number], !conference.isClosed else { return }
        conferences[number]?.isClosed = true
        if meetings[conference.meetingID] == number { meetings[conference.meetingID] = nil }
    }

    /// Works through the queue of a conference until the worker is asked something or nothing is left.
    mutating func processQueue(of number: ConferenceNumber, at now: Timestamp) {
        // Ends: each turn takes one request from the queue.
        while conferences[number]?.outstanding == nil, var pending = conferences[number]?.queue.popFirst() {
            pending.start = now
            if now - pending.arrival > settings.requestDeadline {
                fail(pending, of: number, .internalError("waited too long for its turn"), at: now)
            } else {
                begin(pending, of: number, at: now)
            }
        }
    }

    /// Plans a request and asks the worker, or answers when there is nothing to ask.
    mutating func begin(_ pending: PendingRequest, of number: ConferenceNumber, at now: Timestamp) {
        guard let conference = conferences[number] else { return }
        var planner = RequestPlanner(
            settings: settings, conference: conference, request: pending.request, nextEndpoint: nextEndpoint,
            freeEndpoints: settings.maximumEndpoints - endpoints.count, secureBytes: secureBytes, at: now
        )
        let plan: RequestPlan
        do throws(ColibriError) { plan = try planner.makePlan() } catch {
            fail(pending, of: number, error, at: now)
            return
        }
        nextEndpoint = planner.nextEndpoint
        for event in plan.events { note(event) }
        if plan.operations.isEmpty {
            conferences[number]?.connects = plan.connects
            followChannels(of: plan, in: number)
            reply(to: pending, .success(plan.answer), at: now)
            return
        }
        let request = send(plan.operations, of: number)
        conferences[number]?.outstanding = OutstandingRequest(number: request, pending: pending, plan: plan)
        outstanding[request] = number
        deadlines.append((now + settings.requestDeadline, request))
        // One slow answer at the front would keep all later ones, answered long since.
        if deadlines.count > 2 * outstanding.count + BridgeControlLimits.answeredDeadlines {
            let waiting = outstanding
            deadlines.keep { waiting[$0.request] != nil }
        }
    }

    /// Sends operations to the worker and returns the number of the request.
    @discardableResult
    mutating func send(_ operations: [ShardOperation], of number: ConferenceNumber) -> UInt64 {
        let request = nextRequest
        nextRequest += 1
        commands.append(.request(ShardRequest(number: request, conference: number, operations: operations)))
        return request
    }

    /// Answers with an error and undoes what the request's arrival did: a conference it made goes, a conference it
    /// wanted to end ends all the same, since its id has been free since.
    mutating func fail(
        _ pending: PendingRequest, of number: ConferenceNumber, _ error: ColibriError, at now: Timestamp
    ) {
        reply(to: pending, .failure(error), at: now)
        guard let conference = conferences[number] else { return }
        if !conference.isPlaced {
            end(number, .failed, at: now)
        } else if pending.request.isExpire {
            send([.expireConference], of: number)
            end(number, .requested, at: now)
        }
    }

    /// Drops a conference from the tables; requests behind get E1.
    mutating func end(_ number: ConferenceNumber, _ reason: DirectoryEvent.ConferenceEnd, at now: Timestamp) {
        close(number)
        guard let conference = conferences.removeValue(forKey: number) else { return }
        localIDs[conference.localID] = nil
        for record in conference.endpoints.values { endpoints[record.number] = nil }
        if conference.isPlaced {
            channelChanges.append(.conferenceRemoved(number))
            totals.totalConferencesCompleted += 1
            let seconds = (now - conference.createdAt + .milliseconds(500)).nanoseconds / 1_000_000_000
            totals.totalConferenceSeconds += UInt64(max(0, seconds))
            note(conference.event(.conferenceEnded(reason)))
        }
        var queue = conference.queue
        while let waiting = queue.popFirst() {
            reply(to: waiting, .failure(.unknownConference(conference.meetingID)), at: now)
        }
        checkGracefulShutdown(at: now)
    }

    mutating func reply(
        to pending: PendingRequest, _ result: Result<ConferenceModified, ColibriError>, at now: Timestamp
    ) {
        replies.append((pending.token, result))
        let delay = now - pending.arrival
        requestDelays.add(delay)
        processingDelays.add(now - pending.start)
        if delay > BridgeControlLimits.slowRequest {
            totals.totalSlowRequests += 1
            note(event(.slowRequest(milliseconds: delay.milliseconds), about: pending.request))
        }
        if case .failure(let error) = result {
            totals.totalFailedRequests += 1
            if error.condition == .resourceConstraint { totals.totalLimitRefusals += 1 }
            let kind = DirectoryEvent.Kind.requestFailed(error.condition, text: error.text ?? error.reason?.rawValue)
            note(event(kind, about: pending.request, endpointID: error.endpointID))
        }
    }

    /// An event about a request, whose meeting may not exist.
    func event(
        _ kind: DirectoryEvent.Kind, about request: ConferenceModify, endpointID: String? = nil
    ) -> DirectoryEvent {
        if let conference = meetings[request.meetingID].flatMap({ conferences[$0] }) {
            return conference.event(kind, endpointID: endpointID)
        }
        return DirectoryEvent(kind, meetingID: request.meetingID, name: request.name, endpointID: endpointID)
    }
}
