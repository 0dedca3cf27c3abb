// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaTransport
public import Primitives

// What the machine below does to the worker: pauses, addresses that come later.

extension ShardHost {
    /// The process did not run for `pause`, which `now` does not count: nobody's time ran out here meanwhile, but the
    /// peers' did. What waited in the sockets has been received before.
    ///
    /// Every session asks its peer for consent anew, and where the pause was longer than consent's life it sends
    /// nothing until it has the answer (RFC 7675 5.1). The questions leave with the timers that are due now.
    public mutating func resume(after pause: TimeDelta, at now: Timestamp) {
        for index in 0..<endpoints.touchedCount where endpoints.isLive(index) {
            guard let key = endpoints.key(at: index) else { continue }
            let endpoint = endpoints.pointer(at: index)
            endpoint.pointee.transport.resumeAfterPause(of: pause, at: now)
            endpoint.pointee.scheduledAt = now
            deadlines.insert(now, owner: key)
        }
    }

    /// The socket with the number `index`, one of those that there are or the next, is bound to `address`; sessions
    /// made from now on use it.
    public mutating func use(localAddress address: TransportAddress, at index: Int) {
        if index < settings.localAddresses.count {
            settings.localAddresses[index] = address
        } else {
            settings.localAddresses.append(address)
        }
    }
}
