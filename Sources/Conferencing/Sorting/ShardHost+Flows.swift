// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import Primitives
import Telemetry

// What sessions have proven and claimed, for door 2.

extension ShardHost {
    /// The session in slot `index` has proven that the 4-tuple is its own; who had it before is told.
    mutating func bind(_ from: Destination, to index: Int, at now: Timestamp) {
        guard let owner = endpoints.key(at: index) else { return }
        switch sorter.flows.prove(FlowKey(from), by: owner) {
        case .new, .known: break
        case .taken(let former):
            guard isLive(former) else { return }
            endpoints.pointer(at: Int(former.index)).pointee.transport.release(from, at: now)
            schedule(Int(former.index))
        case .full: counters.add(.droppedUnknownSource)
        }
    }

    /// The session's agent has given the 4-tuple up.
    mutating func unbind(_ from: Destination, from index: Int) {
        guard let owner = endpoints.key(at: index) else { return }
        sorter.flows.remove(FlowKey(from), of: owner)
    }

    /// An authentic request came from there: until somebody proves that the 4-tuple is its own, what else comes from
    /// there is tried with this session.
    mutating func claim(_ from: Destination, for index: Int, at now: Timestamp) {
        let key = FlowKey(from)
        guard let owner = endpoints.key(at: index) else { return }
        if let holder = sorter.flows[key] {
            guard !isLive(holder) else { return }
            // Of a conference that has ended and is being taken apart.
            sorter.flows.remove(key, of: holder)
        }
        sorter.claims.insert(key, owner, at: now)
    }

    private func isLive(_ session: SlabKey) -> Bool {
        endpoints.contains(session) && !isGone(Int(session.index))
    }

    /// Gives up every 4-tuple of an endpoint that ends. Claims need no care: they name the tenant, not the slot.
    mutating func forgetFlows(of index: Int) {
        guard let owner = endpoints.key(at: index) else { return }
        for destination in endpoints.pointer(at: index).pointee.transport.boundDestinations {
            sorter.flows.remove(FlowKey(destination), of: owner)
        }
    }
}
