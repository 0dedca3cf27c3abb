// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaTransport
import Primitives
import ShardMessages
import Telemetry

/// A round over all endpoints that asks who was heard lately, a piece of it each turn.
struct ConnectivityRound {
    /// The next slot.
    var endpoint = 0
    var isRunning = false
}

// Who is reachable and who is not (media-plane.md 14). One clock for all endpoints of the worker, which stands still
// while there are none.

extension ShardHost {
    /// An endpoint was made: the clock runs.
    mutating func startConnectivity(at now: Timestamp) {
        guard nextConnectivity == .distantFuture else { return }
        nextConnectivity = now + connectivityInterval
    }

    private var connectivityInterval: TimeDelta {
        max(settings.connectivityInterval, ConferencingLimits.connectivityInterval)
    }

    mutating func goOnWatching(at now: Timestamp) {
        if nextConnectivity <= now {
            nextConnectivity = endpoints.count > endingCount ? now + connectivityInterval : .distantFuture
            if !connectivity.isRunning { connectivity = ConnectivityRound(isRunning: true) }
        }
        guard connectivity.isRunning else { return }
        var left = ConferencingLimits.visitsPerTurn
        while left > 0, connectivity.endpoint < endpoints.touchedCount {
            let index = connectivity.endpoint
            connectivity.endpoint += 1
            left -= 1
            if endpoints.isLive(index), !isGone(index) { watch(index, at: now) }
        }
        connectivity.isRunning = connectivity.endpoint < endpoints.touchedCount
    }

    /// Tells of an endpoint that has fallen silent, or that is heard again. Nobody watches visitors.
    private mutating func watch(_ index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        guard !endpoint.pointee.isVisitor else { return }
        let isSilent =
            if let heard = endpoint.pointee.lastHeard {
                now - heard >= settings.inactivityLimit
            } else {
                now - endpoint.pointee.createdAt >= settings.firstTransferTimeout
            }
        guard isSilent != endpoint.pointee.isSilent else { return }
        endpoint.pointee.isSilent = isSilent
        counters.add(isSilent ? .endpointsDisconnected : .endpointsReconnected)
        let conference = conferences.pointer(at: endpoint.pointee.conference).pointee.number
        emit(.connectivityChanged(endpoint.pointee.number, conference: conference, isActive: !isSilent))
    }
}
