// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The outer `transport` element (control-plane.md 3.5).
public struct TransportDescription: Hashable, Sendable {
    /// On create: the bridge is the controlling ICE agent.
    public var isICEControlling = false
    /// On create: an own UDP port is wished for.
    public var usesUniquePort = false
    /// ICE shall be restarted in place.
    public var isICERestart = false
    /// The inner transport.
    public var iceUDP: ICETransportDescription?
    /// A data channel is wished for, or offered.
    public var sctp: SCTPDescription?

    /// An empty transport.
    public init() {}
}

/// The `sctp` element.
public struct SCTPDescription: Hashable, Sendable {
    /// In a request: the role the bridge shall take, `client` or `server`.
    public var role: String?
    /// SCTP port.
    public var port: Int?

    /// A bare wish for a data channel.
    public init(role: String? = nil, port: Int? = nil) {
        self.role = role
        self.port = port
    }
}

/// The ICE-UDP `transport` element (control-plane.md 4.2).
public struct ICETransportDescription: Hashable, Sendable {
    /// User fragment.
    public var ufrag: String?
    /// Password. Never logged.
    public var password: String?
    /// Counts in-place restarts.
    public var generation: Int?
    /// RTP and RTCP share a port.
    public var hasRTCPMux = false
    /// Certificate fingerprints.
    public var fingerprints: [FingerprintDescription] = []
    /// Addresses of bridge-channel WebSockets. They hold passwords: never logged.
    public var webSockets: [String] = []
    /// Candidates.
    public var candidates: [CandidateDescription] = []

    /// An empty transport.
    public init() {}
}

/// A certificate fingerprint as signalled (XEP-0320).
public struct FingerprintDescription: Hashable, Sendable {
    /// Name of the hash.
    public var hash: String
    /// `actpass`, `active` or `passive`.
    public var setup: String?
    /// Offers encrypted header extensions (RFC 9335).
    public var hasCryptex = false
    /// Hexadecimal digits with colons.
    public var text: String

    /// A fingerprint.
    public init(hash: String, setup: String?, text: String) {
        self.hash = hash
        self.setup = setup
        self.text = text
    }
}
