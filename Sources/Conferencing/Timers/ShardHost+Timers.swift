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
        if hasRemovals || !doomed.isEmpty || hasWaiting || request != nil { return .zero }
        if sweep.isRunning || gauges.isRunning || connectivity.isRunning { return .zero }
        if description != nil || !selecting.isEmpty || canTell { return .zero }
        let earliest = min(deadlines.earliest ?? .distantFuture, decisions.earliest ?? .distantFuture)
        let layers = min(allocations.earliest ?? .distantFuture, layerNews.earliest ?? .distantFuture)
        return min(min(earliest, layers), min(nextSweep, min(nextGauges, nextConnectivity)))
    }

    /// Lets due timers run: at most ``ConferencingLimits/timersPerTurn`` sessions per call. Call between pumps only.
    public mutating func handleTimeout(at now: Timestamp, into egress: inout EgressBatch) {
        for _ in 0..<ConferencingLimits.timersPerTurn {
            guard egress.hasRoom(datagrams: 16), let entry = deadlines.popDue(at: now) else { break }
            let index = Int(entry.owner.index)
            guard endpoints.contains(entry.owner), !isGone(index) else { continue }
            let endpoint = endpoints.pointer(at: index)
            guard endpoint.pointee.scheduledAt == entry.deadline else { continue }
            endpoint.pointee.scheduledAt = .distantFuture
            serviceEndpoint(index, at: now, into: &egress)
        }
        goOnDeciding(at: now, into: &egress)
        goOnWithLayerNews(at: now)
        goOnSelecting(at: now, into: &egress)
        goOnAllocating(at: now, into: &egress)
        goOnTelling()
        clearAway(at: now)
        expireDoomed()
        goOnSweeping(at: now)
        sortFreedMemory()
        goOnGauging(at: now)
        goOnWatching(at: now)
        goOnDescribing(at: now)
    }

    private mutating func serviceEndpoint(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        if endpoint.pointee.doom != nil { return }
        if let deadline = endpoint.pointee.transport.nextTimeout, deadline <= now {
            endpoint.pointee.transport.handleTimeout(at: now)
        }
        if let deadline = endpoint.pointee.uplink.reports.nextTimeout, deadline <= now {
            sendReports(index, at: now, into: &egress)
        }
        if endpoint.pointee.uplink.feedback.isDue(now: now) {
            sendFeedback(index, at: now, into: &egress)
        }
        if endpoint.pointee.uplink.nextNack <= now { sendNacks(index, at: now, into: &egress) }
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
                endpoint.pointee.connectionState = .connected
                emit(
                    .iceConnected(
                        endpoint.pointee.number, remote: endpoint.pointee.transport.destination?.remote))
            case .iceFailed:
                counters.add(.iceFailed)
                endpoint.pointee.connectionState = .failed
                condemn(index, .iceFailed)
                emit(.iceFailed(endpoint.pointee.number))
            case .iceRestarted(let generation):
                counters.add(.iceRestartsSucceeded)
                emit(.iceRestartEnded(endpoint.pointee.number, generation: generation, isConnected: true))
            case .iceRestartFailed(let generation):
                counters.add(.iceRestartsFailed)
                emit(.iceRestartEnded(endpoint.pointee.number, generation: generation, isConnected: false))
            case .dtlsConnected(let profile):
                counters.add(.dtlsSucceeded)
                endpoint.pointee.rewriting.holdAudio(until: now + ConferencingLimits.slotHold)
                refreshInterest(of: index)
                emit(.dtlsConnected(endpoint.pointee.number, profile: String(describing: profile)))
            case .dtlsFailed(let reason):
                counters.add(.dtlsFailed)
                condemn(index, .dtlsFailed)
                emit(.dtlsFailed(endpoint.pointee.number, reason: reason))
            }
        }
        schedule(index)
    }

    /// Notes a deadline of the endpoint, if it is earlier than the one noted before.
    mutating func schedule(_ index: Int, at deadline: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        guard deadline < endpoint.pointee.scheduledAt, let key = endpoints.key(at: index) else { return }
        endpoint.pointee.scheduledAt = deadline
        deadlines.insert(deadline, owner: key)
    }

    /// Notes the endpoint's earliest deadline, if it is earlier than the one noted before.
    mutating func schedule(_ index: Int) {
        guard let key = endpoints.key(at: index) else { return }
        let endpoint = endpoints.pointer(at: index)
        var next = endpoint.pointee.transport.nextTimeout ?? .distantFuture
        if let report = endpoint.pointee.uplink.reports.nextTimeout { next = min(next, report) }
        if let feedback = endpoint.pointee.uplink.feedback.nextTimeout { next = min(next, feedback) }
        next = min(next, endpoint.pointee.uplink.nextNack)
        guard next < endpoint.pointee.scheduledAt else { return }
        endpoint.pointee.scheduledAt = next
        deadlines.insert(next, owner: key)
    }
}
