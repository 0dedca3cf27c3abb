// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Which session each 4-tuple belongs to: only those from which a session's own check was answered.
///
/// There is room for all that the agents of a full worker may hold, so nobody can crowd out anybody.
struct FlowTable: ~Copyable {
    /// What became of a 4-tuple that a session has proven to be its own.
    enum Proof: Equatable {
        /// It was nobody's.
        case new
        /// It was the session's already.
        case known
        /// It was another's, which does not have it any more.
        case taken(from: SlabKey)
        /// There is no room; nothing has changed.
        case full
    }

    private var owners: FixedTable<FlowKey, SlabKey>

    init(capacity: Int = ConferencingLimits.flows) {
        owners = FixedTable(capacity: capacity)
    }

    /// How many 4-tuples there are.
    var count: Int { owners.count }

    /// Whose the 4-tuple is. The owner may have ended, see ``SlabKey/generation``.
    @inline(__always)
    subscript(_ key: FlowKey) -> SlabKey? { owners[key] }

    /// The 4-tuple is `owner`'s from now on.
    mutating func prove(_ key: FlowKey, by owner: SlabKey) -> Proof {
        let former = owners[key]
        if former == owner { return .known }
        guard owners.insert(key, owner) else { return .full }
        return former.map { .taken(from: $0) } ?? .new
    }

    /// The 4-tuple is not `owner`'s any more; no change if it is another's.
    mutating func remove(_ key: FlowKey, of owner: SlabKey) {
        if owners[key] == owner { owners.remove(key) }
    }
}
