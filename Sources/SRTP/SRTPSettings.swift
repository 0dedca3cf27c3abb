// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the owner decides about the SRTP of a peer.
public struct SRTPSettings: Sendable, BitwiseCopyable {
    /// Who the peer is.
    public enum Role: Sendable, BitwiseCopyable {
        /// One participant.
        case endpoint
        /// Another bridge, which sends for many.
        case relay
    }

    /// What encrypts and decrypts.
    public var engine: SRTPEngine
    /// Sizes the tables.
    public var role: Role

    /// Settings from their parts.
    public init(engine: SRTPEngine = .evp, role: Role = .endpoint) {
        self.engine = engine
        self.role = role
    }

    /// Most receive contexts, RTP and RTCP apart.
    public var receiveContexts: Int {
        switch role {
        case .endpoint: SRTPLimits.contexts
        case .relay: SRTPLimits.relayContexts
        }
    }
}
