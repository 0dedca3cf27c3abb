// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import ICE
import MediaTransport
public import Primitives
import RTP
import ShardMessages
import Telemetry

// Everything that time alone causes, and what a session's own events lead to.

extension ShardHost {
    /// The next moment at which ``handleTimeout(at:into:)`` has something to do.
    public var nextTimeout: Timestamp {
        min(deadlines.earliest ?? .distantFuture, min(nextSweep, nextGauges))
    }

    /// Lets due timers run: at most ``ConferencingLimits/timersPerTurn`` sessions per call. Call between pumps only.
    public mutating func handleTimeout(at now: Timestamp, into egress: inout EgressBatch) {
        for _ in 0..<ConferencingLimits.timersPerTurn {
            guard egress.hasRoom(datagrams: 16), let entry = deadlines.popDue(at: now) else { break }
            guard endpoints.contains(entry.owner) else { continue }
            let index = Int(entry.owner.index)
            let endpoint = endpoints.pointer(at: index)
            guard endpoint.pointee.scheduledAt == entry.deadline else { continue }
            endpoint.pointee.scheduledAt = .distantFuture
            serviceEndpoint(index, at: now, into: &egress)
        }
        if nextSweep <= now {
            nextSweep = now + settings.expiryCheckInterval
            sweep(at: now)
        }
        if nextGauges <= now {
            nextGauges = now + .seconds(1 as Int64)
            updateGauges(at: now)
            updateConferenceGauges(at: now)
        }
    }

    private mutating func serviceEndpoint(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        if let reason = endpoint.pointee.doom {
            expire(index, reason: reason)
            return
        }
        if let deadline = endpoint.pointee.transport.nextTimeout, deadline <= now {
            endpoint.pointee.transport.handleTimeout(at: now)
        }
        if let deadline = endpoint.pointee.reports.nextTimeout, deadline <= now {
            sendReports(index, at: now, into: &egress)
        }
        if endpoint.pointee.feedback.isDue(now: now) {
            sendFeedback(index, at: now, into: &egress)
        }
        serviceTransport(index, at: now, into: &egress)
    }

    /// After anything was done to a session: send what it has, act on its events, note its next deadline.
    mutating func serviceTransport(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        let sentBefore = egress.datagramCount
        let bytesBefore = egress.byteCount
        let lost = endpoint.pointee.transport.drain(into: &egress)
        counters.add(.packetsSent, UInt64(egress.datagramCount - sentBefore))
        counters.add(.bytesSent, UInt64(egress.byteCount - bytesBefore))
        if lost > 0 { counters.add(.droppedSendBuffer, UInt64(lost)) }
        // Ends: a session queues a bounded number of events.
        while let event = endpoint.pointee.transport.pollEvent() {
            switch event {
            case .bound(let from): bind(from, to: index, at: now)
            case .unbound(let from): unbind(from, from: index)
            case .iceConnected:
                counters.add(.iceSucceeded)
                if endpoint.pointee.transport.ice.usesRelay { counters.add(.iceSucceededRelayed) }
                endpoint.pointee.iceState = "connected"
                emit(
                    .iceConnected(
                        endpoint.pointee.number, remote: endpoint.pointee.transport.destination?.remote))
            case .iceFailed:
                counters.add(.iceFailed)
                endpoint.pointee.iceState = "failed"
                endpoint.pointee.doom = .iceFailed
                emit(.iceFailed(endpoint.pointee.number))
            case .dtlsConnected(let profile):
                counters.add(.dtlsSucceeded)
                emit(.dtlsConnected(endpoint.pointee.number, profile: String(describing: profile)))
            case .dtlsFailed(let reason):
                counters.add(.dtlsFailed)
                endpoint.pointee.doom = .dtlsFailed
                emit(.dtlsFailed(endpoint.pointee.number, reason: reason))
            }
        }
        schedule(index)
    }

    /// Notes the endpoint's earliest deadline, if it is earlier than the one noted before.
    mutating func schedule(_ index: Int) {
        guard let key = endpoints.key(at: index) else { return }
        let endpoint = endpoints.pointer(at: index)
        var next = endpoint.pointee.transport.nextTimeout ?? .distantFuture
        if let report = endpoint.pointee.reports.nextTimeout { next = min(next, report) }
        if let feedback = endpoint.pointee.feedback.nextTimeout { next = min(next, feedback) }
        // An ended session is removed by the timer, not where it failed: the batch may still name it.
        if endpoint.pointee.doom != nil { next = .zero }
        guard next < endpoint.pointee.scheduledAt else { return }
        endpoint.pointee.scheduledAt = next
        deadlines.insert(next, owner: key)
    }

    // MARK: Reports

    private mutating func sendReports(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        guard var report = endpoint.pointee.reports.begin(senderSSRC: conference.pointee.videoSSRC, now: now) else {
            return
        }
        var writer = BufferWriter(reportBuffer)
        for position in 0..<endpoint.pointee.streams.count {
            let stream = endpoint.pointee.streams.pointer(at: position)
            guard stream.pointee.role != .retransmission,
                let block = stream.pointee.statistics.makeReportBlock(now: now)
            else { continue }
            let interval = stream.pointee.statistics.lastInterval
            endpoint.pointee.losses.incoming.add(lost: interval.lost, expected: interval.expected)
            if !report.append(block, to: &writer) {
                send(writer.count, to: endpoint, into: &egress)
                writer = BufferWriter(reportBuffer)
                report = ReceiverReportWriter(senderSSRC: conference.pointee.videoSSRC)
                _ = report.append(block, to: &writer)
            }
        }
        guard writer.count > 0 else { return endpoint.pointee.reports.stop() }
        guard endpoint.pointee.transport.isReady else { return }
        send(writer.count, to: endpoint, into: &egress)
    }

    private mutating func sendFeedback(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        // Ends: every packet written reports on numbers of a bounded window.
        while case let count = endpoint.pointee.feedback.write(
            senderSSRC: conference.pointee.videoSSRC, now: now, to: reportBuffer), count > 0
        {
            if endpoint.pointee.transport.isReady { send(count, to: endpoint, into: &egress) }
        }
    }

    /// The part of the scratch buffer that leaves room for the tag in a datagram.
    private var reportBuffer: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: scratch[..<ConferencingLimits.rtcpBytes])
    }

    // MARK: Expiry

    private mutating func expire(_ index: Int, reason: ExpiryReason) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference).pointee.number
        emit(.endpointExpired(endpoint.pointee.number, conference: conference, reason: reason))
        counters.add(.endpointsExpired)
        removeEndpoint(index)
    }

    /// Ends what nobody uses any more (media-plane.md 14).
    private mutating func sweep(at now: Timestamp) {
        for index in 0..<endpoints.touchedCount where endpoints.isLive(index) {
            let endpoint = endpoints.pointer(at: index)
            let consent = endpoint.pointee.transport.ice.lastConsent
            let last = [endpoint.pointee.lastActivity, consent].compactMap { $0 }.max()
            if let last {
                if now - last >= settings.inactivityTimeout { expire(index, reason: .inactive) }
            } else if now - endpoint.pointee.createdAt >= settings.firstActivityTimeout {
                expire(index, reason: .neverActive)
            }
        }
        for index in 0..<conferences.touchedCount where conferences.isLive(index) {
            let conference = conferences.pointer(at: index)
            if conference.pointee.members.count == 0,
                now - conference.pointee.createdAt >= settings.emptyConferenceTimeout
            {
                emit(.conferenceExpired(conference.pointee.number))
                removeConference(index)
            }
        }
    }

    private mutating func updateGauges(at now: Timestamp) {
        var audio: UInt64 = 0
        var video: UInt64 = 0
        var roundTrips: (sum: UInt64, count: UInt64) = (0, 0)
        var lost: (incoming: UInt64, outgoing: UInt64) = (0, 0)
        var expected: (incoming: UInt64, outgoing: UInt64) = (0, 0)
        for index in 0..<endpoints.touchedCount where endpoints.isLive(index) {
            let endpoint = endpoints.pointer(at: index)
            audio += endpoint.pointee.isSendingAudio(at: now) ? 1 : 0
            video += endpoint.pointee.isSendingVideo(at: now) ? 1 : 0
            noteSilence(of: endpoint, at: now)
            lost.incoming += endpoint.pointee.losses.incoming.lost
            lost.outgoing += endpoint.pointee.losses.outgoing.lost
            expected.incoming += endpoint.pointee.losses.incoming.expected
            expected.outgoing += endpoint.pointee.losses.outgoing.expected
            endpoint.pointee.losses.incoming.fade()
            endpoint.pointee.losses.outgoing.fade()
            if endpoint.pointee.roundTrip != .zero {
                roundTrips.sum += UInt64(max(0, endpoint.pointee.roundTrip.microseconds))
                roundTrips.count += 1
            }
        }
        counters.set(.endpoints, UInt64(endpoints.count))
        counters.set(.conferences, UInt64(conferences.count))
        counters.set(.endpointsSendingAudio, audio)
        counters.set(.endpointsSendingVideo, video)
        counters.set(.roundTripMicrosecondsSum, roundTrips.sum)
        counters.set(.roundTripSamples, roundTrips.count)
        counters.set(.packetsLostIncoming, lost.incoming)
        counters.set(.packetsExpectedIncoming, expected.incoming)
        counters.set(.packetsLostOutgoing, lost.outgoing)
        counters.set(.packetsExpectedOutgoing, expected.outgoing)
    }
}
