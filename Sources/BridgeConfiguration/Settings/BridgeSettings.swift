// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Everything the bridge reads from its configuration, checked and typed. One value, made once at start.
public struct BridgeSettings: Sendable {
    /// XMPP servers to log in to, in the file's order.
    public var xmppClients: [XMPPClientSettings]
    /// What goes into presence, and how often.
    public var presence: Presence
    /// The private HTTP server.
    public var http: HTTP
    /// The public one, for WebSockets.
    public var publicHTTP: HTTP
    /// The bridge channel over WebSocket; `nil` means off.
    public var webSockets: WebSockets?
    /// Which groups of HTTP paths exist.
    public var rest: REST
    /// ICE.
    public var ice: ICE
    /// Local addresses, mappings, sockets.
    public var harvest: Harvest
    /// DTLS.
    public var dtls: DTLS
    /// SRTP profiles by JVB's names, best first.
    public var srtpProfiles: [String]
    /// Key-frame request throttles.
    public var keyframes: Keyframes
    /// Audio.
    public var audio: Audio
    /// Bridge channels.
    public var channel: Channel
    /// Which layers receivers get.
    public var allocation: Allocation
    /// Speakers.
    public var speech: Speech
    /// When silent endpoints are removed.
    public var expiration: Expiration
    /// When endpoints count as unreachable.
    public var connectivity: Connectivity
    /// Self checks.
    public var health: Health
    /// How stress is computed.
    public var load: Load
    /// Period in which gauges are calculated.
    public var statisticsInterval: TimeDelta
    /// Whether process gauges are published.
    public var publishesProcessGauges: Bool
    /// Region told to the focus.
    public var region: String?
    /// Identity for other bridges: parsed, not used yet.
    public var relayID: String?
    /// Whether relays are wanted: parsed, not used yet.
    public var isRelayEnabled: Bool
    /// Release label told to the focus.
    public var release: String?
    /// Whether the bridge starts drained.
    public var startsDrained: Bool
    /// Whether log lines shorten client addresses.
    public var redactsRemoteAddresses: Bool
    /// Viaduct's own settings for the packet path.
    public var media: Media
    /// What a focus may ask for.
    public var limits: Limits
    /// Wait between announcing the end on SIGTERM and closing.
    public var sigtermGrace: TimeDelta
    /// Log format and level.
    public var log: Log

    /// Presence with statistics.
    public struct Presence: Sendable {
        /// Its period.
        public var interval: TimeDelta
        /// Statistics that may be published; `nil` means all.
        public var allowedStatistics: Set<String>?
    }

    /// An HTTP server.
    public struct HTTP: Sendable {
        /// Address to bind; empty for all.
        public var host: String
        /// Port to bind, zero for any free one; `nil` means no server.
        public var port: UInt16?
        /// Certificate and key; `nil` means no TLS.
        public var tls: TLS?
    }

    /// A TLS server's files.
    public struct TLS: Hashable, Sendable {
        /// The setting that names ``path``.
        public var setting: String
        /// Certificate and key in PKCS#12 or PEM, or the certificate alone.
        public var path: String
        /// The key in PEM, when it has a file of its own.
        public var keyPath: String?
        /// The password of store or key.
        public var password: String?
        /// Versions that are spoken: some of `TLSv1.2`, `TLSv1.3`.
        public var versions: [String]
    }

    /// The bridge channel over WebSocket (media-plane.md 11.2).
    public struct WebSockets: Sendable {
        /// Third element of the URL's path.
        public var serverID: String
        /// host:port values that are advertised, the best first.
        public var domains: [String]
        /// Whether `wss` is advertised.
        public var isSecure: Bool
        /// Whether messages may be compressed.
        public var isCompressed: Bool
        /// Silence after which a client is pinged; `nil` means never.
        public var pingInterval: TimeDelta?
        /// Silence after which a connection is closed.
        public var idleTime: TimeDelta

        /// What the addresses begin with that clients are told, one for each domain: up to and with the slash behind
        /// the server's id.
        public var addressPrefixes: [String] {
            domains.map { "\(isSecure ? "wss" : "ws")://\($0)/colibri-ws/\(serverID)/" }
        }
    }

    /// Switches of the HTTP groups (operations.md c.2).
    public struct REST: Sendable {
        /// `/colibri/stats`, `/colibri/v2/conferences`, `/colibri/muc-client`.
        public var colibri: Bool
        /// `/debug`.
        public var debug: Bool
        /// `/colibri/drain`.
        public var drain: Bool
        /// `/about/health`.
        public var health: Bool
        /// `/metrics`.
        public var prometheus: Bool
        /// `/about/version`.
        public var version: Bool
        /// `/colibri/shutdown`, which needs ``colibri`` too.
        public var shutdown: Bool

        /// Switches.
        public init(
            colibri: Bool, debug: Bool, drain: Bool, health: Bool, prometheus: Bool, version: Bool, shutdown: Bool
        ) {
            self.colibri = colibri
            self.debug = debug
            self.drain = drain
            self.health = health
            self.prometheus = prometheus
            self.version = version
            self.shutdown = shutdown
        }
    }

    /// ICE.
    public struct ICE: Sendable {
        /// The one media port.
        public var port: UInt16
        /// Start of local user names.
        public var ufragPrefix: String?
        /// Which valid pair is nominated when the bridge controls: one of the table's names.
        public var nominationStrategy: String
        /// Whether private addresses are offered to peers without the private-address capability.
        public var advertisesPrivateCandidates: Bool
        /// Consent checks.
        public var consent: Consent
        /// STUN SOFTWARE attribute; `nil` means none.
        public var software: String?
        /// Restarts in place.
        public var restart: Restart
    }

    /// ICE restart in place (media-plane.md 1.9).
    public struct Restart: Sendable {
        /// Whether there are any.
        public var isEnabled: Bool
        /// How long the former pair is kept.
        public var transitionWindow: TimeDelta
        /// When one is given up; zero and less mean that there are none.
        public var timeout: TimeDelta
    }

    /// Who counts as reachable (media-plane.md 14).
    public struct Connectivity: Sendable {
        /// A new endpoint without traffic does not, after this.
        public var firstTransferTimeout: TimeDelta
        /// One that has fallen silent does not, after this.
        public var inactivityLimit: TimeDelta
        /// How often that is looked at.
        public var checkInterval: TimeDelta
    }

    /// Consent freshness (media-plane.md 1.8).
    public struct Consent: Sendable {
        /// Period of checks.
        public var interval: TimeDelta
        /// Wait before the first repetition.
        public var firstWait: TimeDelta
        /// Longest wait between repetitions.
        public var maxWait: TimeDelta
        /// Repetitions.
        public var maxRetransmissions: Int
        /// Whether the period varies by ±20 %.
        public var isRandomized: Bool
    }

    /// Local addresses and sockets.
    public struct Harvest: Sendable {
        /// Whether IPv6 addresses are used.
        public var usesIPv6: Bool
        /// Whether link-local addresses are used.
        public var usesLinkLocalAddresses: Bool
        /// If not empty, only these addresses.
        public var allowedAddresses: [TransportAddress]
        /// Never these addresses.
        public var blockedAddresses: [TransportAddress]
        /// If not empty, only these interfaces.
        public var allowedInterfaces: [String]
        /// Never these interfaces.
        public var blockedInterfaces: [String]
        /// Bytes asked from the kernel for each media socket.
        public var receiveBufferSize: Int
        /// Public addresses of local ones.
        public var staticMappings: [StaticMapping]
        /// STUN servers in the file (parsed, not used yet).
        public var stunServers: [String]
    }

    /// DTLS.
    public struct DTLS: Sendable {
        /// Longest handshake.
        public var handshakeTimeout: TimeDelta
        /// OpenSSL's colon-separated cipher list.
        public var openSSLCipherList: String
        /// Cipher suites by IANA names.
        public var cipherSuites: [String]
        /// Hash of the announced fingerprint, such as `sha-256`.
        public var fingerprintHash: String
        /// Hashes accepted from peers, strongest first.
        public var acceptedFingerprintHashes: [String]
    }

    /// Key-frame request throttles: per receiver and source, and per source over all receivers.
    public struct Keyframes: Sendable {
        /// Between two requests of a receiver.
        public var minInterval: TimeDelta
        /// Requests of a receiver within ``maxRequestInterval``.
        public var maxRequests: Int
        /// The interval they are counted in.
        public var maxRequestInterval: TimeDelta
        /// Between two requests for a source.
        public var sourceMinInterval: TimeDelta
        /// Requests for a source within ``sourceMaxRequestInterval``.
        public var sourceMaxRequests: Int
        /// The interval they are counted in.
        public var sourceMaxRequestInterval: TimeDelta
    }

    /// Digital silence and redundancy (media-plane.md 3, 10.1, 10.4).
    public struct Audio: Sendable {
        /// `NOOP`, `STRIP` or `PROTECT_ALL`.
        public var redundancyPolicy: String
        /// Packets that one repeats.
        public var redundancyDistance: Int
        /// Whether only speech is repeated.
        public var isRedundancyForVoiceOnly: Bool
        /// Packets in a row that are dropped without being authenticated; `nil` for none.
        public var discardedEarly: Int?
        /// Whether it is discarded.
        public var discardsSilence: Bool
        /// Silent packets in a row beyond which it is.
        public var forwardedSilencePackets: Int
    }

    /// Which layers receivers get (media-plane.md 9).
    public struct Allocation: Sendable {
        /// Smaller relative changes of a rate change nothing, in thousandths.
        public var changeThreshold: Int
        /// The longest time between two choices.
        public var maxInterval: TimeDelta
        /// Up to this height a camera on stage is served before anybody else, in pixels.
        public var preferredHeight: Int
        /// Frames per second that a larger layer must have.
        public var preferredFrameRate: Double
        /// A screen on stage may exceed the rate.
        public var allowsOversending: Bool
        /// By so many bits per second.
        public var maxOversending: Int
        /// Rates count at all.
        public var trustsEstimates: Bool
        /// For so long after the first picture they do not.
        public var ignorePeriod: TimeDelta
        /// Up to so many bits per second receivers may say themselves what they can take; `nil`: not at all.
        public var assumedLimit: Int?
        /// Pictures that a receiver gets at most.
        public var pictures: Int
        /// Slots for voices of a receiver with SSRC rewriting.
        public var voices: Int
        /// Bounds of what is taken for a receiver's rate, in bits per second.
        public var rates: (initial: Int, least: Int, most: Int)
    }

    /// Bridge channels (media-plane.md 11), and what receivers get before they say something on them.
    public struct Channel: Sendable {
        /// Whether a focus may ask for data channels.
        public var hasSCTP: Bool
        /// Data channels of one association.
        public var maximumDataChannels: Int
        /// How often clients are told what the bridge thinks their downlink carries; `nil` for never.
        public var connectionStatsInterval: TimeDelta?
        /// Members up to which everybody's statistics go to everybody.
        public var statsFilterThreshold: Int
        /// Whether clients are told the version.
        public var announcesVersion: Bool
        /// Bits per second that are assumed until there is an estimate.
        public var initialBandwidth: UInt64
        /// Pixels of a picture of which nothing was said, once constraints have come.
        public var defaultMaxHeight: Int
        /// The same before.
        public var initialMaxHeight: Int
        /// Last-N of a new endpoint; -1 is no limit.
        public var initialLastN: Int
        /// Last-N of all endpoints; -1 is no limit.
        public var bridgeLastN: Int
        /// Last-N by size of the conference, in the order of sizes: the last entry not above the size counts.
        public var conferenceLastNLimits: [(size: Int, lastN: Int)]
    }

    /// Who speaks (media-plane.md 10.2, 10.3).
    public struct Speech: Sendable {
        /// Recent speakers that are told.
        public var recentSpeakers: Int
        /// Whether silence is told.
        public var detectsSilence: Bool
        /// Quiet time before that.
        public var silenceTimeout: TimeDelta
        /// Whether only the loudest are forwarded.
        public var routesLoudestOnly: Bool
        /// How many those are.
        public var loudest: Int
        /// Whether the dominant speaker is forwarded anyway.
        public var alwaysRoutesDominant: Bool
        /// Silence that ends a place among the loudest.
        public var energyLifetime: TimeDelta
        /// Weight of the newest level, in percent.
        public var energyAlpha: Int
    }

    /// When silent endpoints are removed.
    public struct Expiration: Sendable {
        /// Silence that ends an endpoint.
        public var timeout: TimeDelta
        /// Period of the sweep.
        public var checkInterval: TimeDelta
    }

    /// Self checks (operations.md e.1).
    public struct Health: Sendable {
        /// Period.
        public var interval: TimeDelta
        /// Age at which the last result no longer counts.
        public var timeout: TimeDelta
        /// Longest check.
        public var maxCheckDuration: TimeDelta
        /// Once failed, stay failed.
        public var hasStickyFailures: Bool
        /// Whether a public address is needed.
        public var requiresValidAddress: Bool
        /// Whether a STUN answer is needed.
        public var requiresSTUN: Bool
    }

    /// How stress is computed (operations.md e.2).
    public struct Load: Sendable {
        /// What load means.
        public enum Measurement: Sendable {
            /// Share of the machine's processors.
            case cpuUsage
            /// Packets per second.
            case packetRate
        }

        /// What load means.
        public var measurement: Measurement
        /// Share of the processors that is stress 1.
        public var cpuThreshold: Double
        /// Whether stolen time counts.
        public var detectsSteal: Bool
        /// Packets per second that are stress 1.
        public var packetRateThreshold: Int
        /// Stress of one participant, as told to the focus.
        public var averageParticipantStress: Double
    }

    /// The packet path.
    public struct Media: Sendable {
        /// Send runs of packets in one call.
        public var usesGSO: Bool
        /// Receive runs of packets in one call.
        public var usesGRO: Bool
        /// Bind each worker to a processor.
        public var pinsWorkers: Bool
        /// Workers.
        public var workers: Int
        /// `auto`, `ipsec-mb` or `evp`.
        public var srtpEngine: String
    }

    /// What a focus may ask for; more is refused.
    public struct Limits: Sendable {
        /// Conferences at one time.
        public var conferences: Int
        /// Endpoints at one time.
        public var endpoints: Int
        /// Endpoints of one conference.
        public var endpointsPerConference: Int
    }

    /// Logging.
    public struct Log: Sendable {
        /// `jvb` or `plain`.
        public var format: String
        /// `error`, `warning`, `notice`, `info`, `debug` or `trace`.
        public var level: String
    }
}
