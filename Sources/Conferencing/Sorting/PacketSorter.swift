// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import Primitives
import Telemetry

/// Door 2: says what a datagram is and whose, from its bytes and its 4-tuple (media-plane.md 1.2).
///
/// Requests find their session by the user fragment, answers by the transaction number, both of our own making; they
/// need no table, so a worker that receives what belongs to another knows it without asking (house-style.md 2.8). All
/// the rest is found by the 4-tuple, which a session gets by an answer to its own check and keeps until another session
/// does. Nothing is decided here that cryptography has to decide.
struct PacketSorter: ~Copyable {
    /// Where a datagram goes.
    enum Verdict: Equatable {
        /// To the session in this slot, if there is one: a request or an answer that names it.
        case check(slot: UInt32)
        /// To the session that has, or claims, the 4-tuple.
        case flow(DatagramClass, owner: SlabKey)
        /// To a session of another worker.
        case foreign(worker: UInt8)
        /// Nowhere, for this reason.
        case refused(MediaCounter)
    }

    /// 4-tuples that are proven.
    var flows = FlowTable()
    /// 4-tuples that are not.
    var claims = FlowClaims()
    private let worker: UInt8
    private let prefixBytes: Int

    /// - Parameter prefix: the operator's, before every user fragment.
    init(worker: UInt8, prefix: String) {
        self.worker = worker
        prefixBytes = prefix.utf8.count
    }

    /// Sorts one datagram.
    @inline(__always)
    func sort(_ datagram: RawSpan, from source: TransportAddress, local: UInt16, at now: Timestamp) -> Verdict {
        let kind = DatagramClass(datagram)
        if kind == .stun, let verdict = sortCheck(datagram) { return verdict }
        guard kind != .unknown else {
            return .refused(datagram.byteCount < 12 ? .droppedTooShort : .droppedNotMedia)
        }
        let key = FlowKey(remote: source, local: local)
        if let owner = flows[key] { return .flow(kind, owner: owner) }
        guard let owner = claims.owner(of: key, at: now) else { return .refused(.droppedUnknownSource) }
        return .flow(kind, owner: owner)
    }

    /// A message that names its session; `nil` for other STUN, such as indications.
    private func sortCheck(_ datagram: RawSpan) -> Verdict? {
        if let range = STUNPeek.localUfragRange(of: datagram) {
            let fragment = datagram.slice(range.lowerBound, count: range.count)
            guard let owner = UserFragment.decode(fragment, prefixBytes: prefixBytes) else {
                return .refused(.droppedUnknownFragment)
            }
            return owner.worker == worker ? .check(slot: owner.slot) : .foreign(worker: owner.worker)
        }
        guard let owner = STUNPeek.responseOwner(of: datagram) else { return nil }
        return owner.worker == worker ? .check(slot: owner.slot) : .foreign(worker: owner.worker)
    }
}
