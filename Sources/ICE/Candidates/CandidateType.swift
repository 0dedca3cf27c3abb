// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// How a candidate was found (RFC 8445 §5.1.1).
public enum CandidateType: UInt8, Sendable, BitwiseCopyable {
    /// A bound address.
    case host
    /// A public address in front of a bound one.
    case serverReflexive
    /// Learned from a check.
    case peerReflexive

    /// The word used in signalling.
    public var text: String {
        switch self {
        case .host: "host"
        case .serverReflexive: "srflx"
        case .peerReflexive: "prflx"
        }
    }

    /// Type preference (RFC 8445 §5.1.2.2).
    var preference: UInt32 {
        switch self {
        case .host: 126
        case .serverReflexive: 100
        case .peerReflexive: 110
        }
    }
}

/// Candidate and pair priorities (RFC 8445 §5.1.2.1, §6.1.2.3; local preferences as in media-plane.md 1.4).
enum CandidatePriority {
    /// The priority of a local candidate of component 1.
    /// - Parameter hostCount: how many host candidates the agent has.
    static func local(_ type: CandidateType, base: TransportAddress, hostCount: Int) -> UInt32 {
        type.preference << 24 | localPreference(base, hostCount: hostCount) << 8 | 255
    }

    private static func localPreference(_ base: TransportAddress, hostCount: Int) -> UInt32 {
        if hostCount < 2 { return 65_535 }
        if base.family == .ipv4 { return 10 }
        return base.isLinkLocal ? 30 : 40
    }

    /// The priority of a pair: 2^32 min(G,D) + 2 max(G,D) + (G > D ? 1 : 0).
    ///
    /// Candidate priorities end at 2^31 - 1 (§5.1.2); what a peer claims beyond is cut to that.
    static func pair(controlling: UInt32, controlled: UInt32) -> UInt64 {
        let (g, d) = (min(controlling, .max >> 1), min(controlled, .max >> 1))
        return UInt64(min(g, d)) << 32 + UInt64(max(g, d)) << 1 + (g > d ? 1 : 0)
    }
}
