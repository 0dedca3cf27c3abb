// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import Primitives
import ShardMessages
import Telemetry

/// A round over all endpoints and conferences that ends what nobody uses any more, a piece of it each turn.
struct Sweep {
    /// The next slot, endpoints first.
    var endpoint = 0
    var conference = 0
    var isRunning = false
}

// What ends because nobody uses it any more (media-plane.md 14).

extension ShardHost {
    mutating func expire(_ index: Int, reason: ExpiryReason) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference).pointee.number
        emit(.endpointExpired(endpoint.pointee.number, conference: conference, reason: reason))
        counters.add(.endpointsExpired)
        removeEndpoint(index)
    }

    /// A session has failed. Its endpoint is removed by the timers, not where it failed, and a few of many at a time:
    /// when a network breaks away, hundreds fail at once.
    mutating func condemn(_ index: Int, _ reason: ExpiryReason) {
        guard let key = endpoints.key(at: index), endpoints.pointer(at: index).pointee.doom == nil else { return }
        endpoints.pointer(at: index).pointee.doom = reason
        doomed.append(key)
    }

    mutating func expireDoomed() {
        for _ in 0..<ConferencingLimits.removalsPerTurn {
            guard let key = doomed.popFirst() else { return }
            let index = Int(key.index)
            guard endpoints.contains(key), !isGone(index), let reason = endpoints.pointer(at: index).pointee.doom
            else { continue }
            expire(index, reason: reason)
        }
    }

    mutating func goOnSweeping(at now: Timestamp) {
        if nextSweep <= now {
            nextSweep = now + settings.expiryCheckInterval
            sweep = Sweep(isRunning: true)
        }
        guard sweep.isRunning else { return }
        var left = ConferencingLimits.visitsPerTurn
        var removals = ConferencingLimits.removalsPerTurn
        while left > 0, removals > 0, sweep.endpoint < endpoints.touchedCount {
            let index = sweep.endpoint
            sweep.endpoint += 1
            left -= 1
            guard endpoints.isLive(index), !isGone(index), let reason = reasonToExpire(index, at: now) else { continue }
            removals -= 1
            expire(index, reason: reason)
        }
        while left > 0, sweep.endpoint >= endpoints.touchedCount, sweep.conference < conferences.touchedCount {
            let index = sweep.conference
            sweep.conference += 1
            left -= 1
            guard conferences.isLive(index) else { continue }
            let conference = conferences.pointer(at: index)
            guard !conference.pointee.isEnding, conference.pointee.memberCount == 0,
                now - conference.pointee.createdAt >= settings.emptyConferenceTimeout
            else { continue }
            emit(.conferenceExpired(conference.pointee.number))
            endConference(index)
        }
        sweep.isRunning =
            sweep.endpoint < endpoints.touchedCount || sweep.conference < conferences.touchedCount
    }

    private func reasonToExpire(_ index: Int, at now: Timestamp) -> ExpiryReason? {
        let endpoint = endpoints.pointer(at: index)
        if let last = endpoint.pointee.lastHeard {
            return now - last >= settings.inactivityTimeout ? .inactive : nil
        }
        return now - endpoint.pointee.createdAt >= settings.firstActivityTimeout ? .neverActive : nil
    }
}
