// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// `setup` of a fingerprint (RFC 4145).
public enum DTLSSetup: String, Sendable {
    case actpass, active, passive
}

/// A remote certificate fingerprint as signalled.
public struct RemoteFingerprint: Hashable, Sendable {
    /// Hash name in lower case, e.g. `sha-256`.
    public var hash: String
    /// The digest's bytes.
    public var digest: [UInt8]
    /// A fingerprint.
    public init(hash: String, digest: [UInt8]) {
        self.hash = hash
        self.digest = digest
    }
}

/// A remote ICE candidate that is usable: UDP, component 1, an IP literal.
public struct RemoteCandidate: Hashable, Sendable {
    /// Where it is.
    public var address: TransportAddress
    /// Its priority.
    public var priority: UInt32
    /// Whether it is a relay (TURN) candidate.
    public var isRelayed: Bool
    /// A candidate.
    public init(address: TransportAddress, priority: UInt32, isRelayed: Bool) {
        self.address = address
        self.priority = priority
        self.isRelayed = isRelayed
    }
}

/// The remote half of a transport, as far as an update carried it.
public struct RemoteTransport: Hashable, Sendable {
    /// User fragment and password, always together.
    public var credentials: (ufrag: String, password: String)? {
        get { ufrag.flatMap { u in password.map { (u, $0) } } }
        set { (ufrag, password) = (newValue?.ufrag, newValue?.password) }
    }
    private var ufrag: String?
    private var password: String?
    /// Fingerprints to add; empty means none were signalled.
    public var fingerprints: [RemoteFingerprint] = []
    /// `setup` of the first fingerprint.
    public var setup: DTLSSetup?
    /// Candidates to add.
    public var candidates: [RemoteCandidate] = []
    /// Which in-place restart all of this belongs to; `nil` means the established agent (media-plane.md 1.9).
    public var generation: UInt32?

    /// Nothing known.
    public init() {}
}

/// Everything about media that a conference-modify can say of an endpoint; `nil` members mean "unchanged".
public struct EndpointMedia: Hashable, Sendable {
    /// Payload types to add (additive; no removal exists).
    public var payloadTypes: [PayloadType] = []
    /// Header extensions to add.
    public var headerExtensions: [HeaderExtensionMapping] = []
    /// `extmap-allow-mixed` of the last `media` processed.
    public var allowsMixedExtensions: Bool?
    /// The full new list of sources; empty clears.
    public var sources: [SourceDescription]?
    /// `force-mute audio`.
    public var forceMuteAudio: Bool?
    /// `force-mute video`.
    public var forceMuteVideo: Bool?

    /// Nothing changed.
    public init() {}
}

/// What a worker needs to make an endpoint.
public struct EndpointCreation: Sendable {
    /// Its number.
    public var number: EndpointNumber
    /// Its signalled id, for logs and `/debug`.
    public var id: String
    /// Whether the bridge starts as the controlling ICE agent.
    public var isICEControlling: Bool
    /// A visitor: its media is dropped, only PLI and FIR are acted on.
    public var isVisitor: Bool
    /// Its media.
    public var media: EndpointMedia
    /// The remote half of its transport, when the create already had it.
    public var remote: RemoteTransport?
    /// What it is sent until it says over its bridge channel what it wants.
    public var preferences: ReceiverPreferences
    /// Under which SSRCs it gets the others' sources.
    public var numbering = SourceNumbering.original

    /// A creation.
    public init(
        number: EndpointNumber, id: String, isICEControlling: Bool, isVisitor: Bool = false, media: EndpointMedia,
        remote: RemoteTransport? = nil, preferences: ReceiverPreferences = .everything
    ) {
        self.number = number
        self.id = id
        self.isICEControlling = isICEControlling
        self.isVisitor = isVisitor
        self.media = media
        self.remote = remote
        self.preferences = preferences
    }
}

/// Under which SSRCs an endpoint gets the others' sources (media-plane.md 5.10).
public enum SourceNumbering: Sendable {
    /// Their own.
    case original
    /// Those of a bounded number of slots, which carry one source after another: SSRC rewriting.
    case slots
    /// The same, and each slot's media line has a name that stands on its packets.
    case namedSlots
}

/// One step of a ``ShardRequest``.
public enum ShardOperation: Sendable {
    /// Makes the conference (the request's number). The two SSRCs are the bridge's feedback sources.
    case createConference(name: String, audioSSRC: UInt32, videoSSRC: UInt32)
    /// Makes an endpoint in the request's conference; its transport comes back in the answer.
    case createEndpoint(EndpointCreation)
    /// Changes an endpoint.
    case updateEndpoint(EndpointNumber, media: EndpointMedia, remote: RemoteTransport?)
    /// Restarts an endpoint's ICE in place; what the answer describes is said by ``LocalTransport/generation``. Where
    /// restarts are impossible the endpoint is removed, and the request fails as if it had been unknown.
    case restartICE(EndpointNumber)
    /// Removes an endpoint; unknown numbers are passed over.
    case expireEndpoint(EndpointNumber)
    /// Removes the conference with all its endpoints; unknown numbers are passed over.
    case expireConference
}

/// What the control plane asks of a worker. All or nothing: when one operation fails none has happened.
public struct ShardRequest: Sendable {
    /// Pairs the answer with the request.
    public var number: UInt64
    /// The conference that is meant.
    public var conference: ConferenceNumber
    /// The steps, in order.
    public var operations: [ShardOperation]

    /// A request.
    public init(number: UInt64, conference: ConferenceNumber, operations: [ShardOperation]) {
        self.number = number
        self.conference = conference
        self.operations = operations
    }
}

/// The bridge's half of an endpoint's transport. Candidates are the same for all and known to the control plane.
public struct LocalTransport: Hashable, Sendable {
    /// Our user fragment.
    public var ufrag: String
    /// Our password.
    public var password: String
    /// Our fingerprint, upper-case hex with colons.
    public var fingerprint: String
    /// Name of the hash it was made with.
    public var fingerprintHash: String
    /// `actpass` until the role is known, then `passive` (server) or `active` (client).
    public var setup: DTLSSetup
    /// Set when the credentials are those of a restart that goes on: its number.
    public var generation: UInt32?
    /// A description.
    public init(
        ufrag: String, password: String, fingerprint: String, fingerprintHash: String = "sha-256", setup: DTLSSetup,
        generation: UInt32? = nil
    ) {
        self.ufrag = ufrag
        self.password = password
        self.fingerprint = fingerprint
        self.fingerprintHash = fingerprintHash
        self.setup = setup
        self.generation = generation
    }
}

/// Why a worker refused a request.
public enum ShardFailure: Error, Hashable, Sendable {
    /// The endpoint is gone (it expired by itself meanwhile).
    case unknownEndpoint(EndpointNumber)
    /// The conference is gone.
    case unknownConference
    /// A table of the worker is full; the word names which.
    case full(String)
}

/// A worker's answer to a ``ShardRequest``.
public struct ShardAnswer: Sendable {
    /// Number of the request.
    public var number: UInt64
    /// Transports of the endpoints that were created or updated, in order of the operations; or why not.
    public var result: Result<[(EndpointNumber, LocalTransport)], ShardFailure>

    /// An answer.
    public init(number: UInt64, result: Result<[(EndpointNumber, LocalTransport)], ShardFailure>) {
        self.number = number
        self.result = result
    }
}

/// Why an endpoint ended by itself.
public enum ExpiryReason: String, Sendable {
    case iceFailed = "ice_failed"
    case dtlsFailed = "dtls_failed"
    case inactive
    case neverActive = "never_active"
    /// Its ICE was to be restarted, which is switched off or not possible: it is made anew.
    case noICERestart = "no_ice_restart"
}

/// Why a source that was signalled is not taken in.
public enum SourceRefusal: String, Sendable, BitwiseCopyable {
    /// One of its SSRCs is somebody else's, or stands in the list twice.
    case foreignSSRC = "foreign_ssrc"
    /// The conference has as many sources as it can hold.
    case full
}

/// What a worker tells the control plane without being asked. Log lines and statistics derive from this list.
public enum ShardEvent: Sendable {
    case answer(ShardAnswer)
    /// The first pair was validated: the peer is reached there.
    case iceConnected(EndpointNumber, remote: TransportAddress?)
    /// No pair ever worked.
    case iceFailed(EndpointNumber)
    /// An in-place restart is over: media goes the new way, or stays on the old one.
    case iceRestartEnded(EndpointNumber, generation: UInt32, isConnected: Bool)
    /// The handshake ended; the SRTP profile's name.
    case dtlsConnected(EndpointNumber, profile: String)
    /// The handshake failed; a constant reason.
    case dtlsFailed(EndpointNumber, reason: String)
    /// The worker removed the endpoint.
    case endpointExpired(EndpointNumber, conference: ConferenceNumber, reason: ExpiryReason)
    /// A source finds no place; it is taken in when there is one.
    case sourceRefused(EndpointNumber, ssrc: UInt32, reason: SourceRefusal)
    /// The worker removed an empty conference.
    case conferenceExpired(ConferenceNumber)
    /// Who speaks has changed.
    case speakerChanged(ConferenceNumber, SpeakerState)
    /// An endpoint is heard again, or was not heard for a while (media-plane.md 14).
    case connectivityChanged(EndpointNumber, conference: ConferenceNumber, isActive: Bool)
    /// What an endpoint's downlink carries, in bits per second.
    case estimateChanged(EndpointNumber, bitsPerSecond: UInt64)
    /// The others' video sources of which a receiver is sent something, or will be as soon as it comes: all of them, by
    /// name (media-plane.md 9.4).
    case forwardedSourcesChanged(EndpointNumber, conference: ConferenceNumber, [String])
    /// What slots of a receiver carry from now on, only those where that has changed; it is told so before media comes
    /// in them.
    case slotsChanged(EndpointNumber, conference: ConferenceNumber, [SlotMapping])
    /// The answer to `ShardCommand.describe`: one line of text per fact.
    case description(number: UInt64, text: String)
}

/// What the control plane sends a worker.
public enum ShardCommand: Sendable {
    case request(ShardRequest)
    /// What a receiver wants from now on, whole.
    case setPreferences(EndpointNumber, conference: ConferenceNumber, ReceiverPreferences)
    /// What a source of an endpoint shows; the source may come later.
    case setVideoType(EndpointNumber, conference: ConferenceNumber, source: String, VideoType)
    /// Asks for a readable account of the worker's state (`/debug`), as JSON text.
    case describe(number: UInt64)
    /// Ends the worker's loop.
    case stop
}
