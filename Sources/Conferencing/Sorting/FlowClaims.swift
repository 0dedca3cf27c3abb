// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// 4-tuples that an authentic request came from and that nobody has proven to be their own yet.
///
/// A browser sends its first handshake message as soon as we answered its check, before it answers ours: without a
/// claim the message would be lost and repeated later. A claim proves nothing, so it gives way to everything: to a
/// 4-tuple that is somebody's, to the next claim that falls on its place, to time. What comes by a claim has to pass
/// the session's own cryptography, as everything else.
struct FlowClaims: ~Copyable {
    private struct Claim: BitwiseCopyable {
        var key: FlowKey
        var owner: SlabKey
        var time: Timestamp
    }

    private let places: UnsafeMutablePointer<Claim?>
    private static let mask = ConferencingLimits.flowClaims - 1

    init() {
        precondition(ConferencingLimits.flowClaims & Self.mask == 0, "the number of claims is a power of two")
        places = .allocate(capacity: ConferencingLimits.flowClaims)
        places.initialize(repeating: nil, count: ConferencingLimits.flowClaims)
    }

    deinit { places.deallocate() }

    /// Who claims the 4-tuple, if anybody does and did lately. The claimant may have ended.
    func owner(of key: FlowKey, at now: Timestamp) -> SlabKey? {
        guard let claim = places[Self.place(key)], claim.key == key,
            now - claim.time <= ConferencingLimits.claimLifetime
        else { return nil }
        return claim.owner
    }

    /// `owner` claims the 4-tuple.
    mutating func insert(_ key: FlowKey, _ owner: SlabKey, at now: Timestamp) {
        places[Self.place(key)] = Claim(key: key, owner: owner, time: now)
    }

    private static func place(_ key: FlowKey) -> Int { Int(truncatingIfNeeded: key.tableHash >> 32) & mask }
}
