// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Allocation
public import DTLS
public import Forwarding
public import ICE
public import OpenSSL
public import Primitives
public import SRTP

/// What a worker is told once, at start; defaults are JVB's (operations.md a.4, a.5).
public struct ShardSettings: Sendable {
    /// Number of this worker; it stands in every user fragment, so that any socket finds the owner.
    public var worker: UInt8 = 0
    /// The bound addresses; the index is the socket's number.
    public var localAddresses: [TransportAddress]
    /// `ice.ufrag-prefix`.
    public var ufragPrefix = ""
    /// Consent checks.
    public var consent = Consent()
    /// `ice4j.software`: SOFTWARE of our STUN requests; none when empty.
    public var stunSoftware = ""
    /// `ice.nomination-strategy`.
    public var nomination = ICEAgent.NominationStrategy.firstHostOrReflexiveValid
    /// SRTP profiles, the handshake's time limit, hashes believed in fingerprints.
    public var dtls = DTLSSettings()
    /// What encrypts media, and for how many streams of a peer.
    public var srtp = SRTPSettings()
    /// Cipher suites and the fingerprint's hash, for every certificate that is made.
    public var identity = DTLSIdentity.Settings()
    /// `jmt.keyframe`.
    public var keyframes = KeyframeLimits()
    /// `entity-expiration.timeout`: an endpoint with earlier traffic and this much silence ends.
    public var inactivityTimeout = TimeDelta.seconds(60 as Int64)
    /// An endpoint that never had traffic ends after this.
    public var firstActivityTimeout = TimeDelta.seconds(120 as Int64)
    /// A conference without endpoints ends when it is older than this.
    public var emptyConferenceTimeout = TimeDelta.seconds(20 as Int64)
    /// `entity-expiration.check-interval`.
    public var expiryCheckInterval = TimeDelta.seconds(60 as Int64)
    /// Silence after which an endpoint counts as inactive (`ep-connection-status.max-inactivity-limit`).
    public var inactivityLimit = TimeDelta.seconds(8 as Int64)
    /// The same for one that was never heard, since its creation (`first-transfer-timeout`).
    public var firstTransferTimeout = TimeDelta.seconds(15 as Int64)
    /// How often that is looked at (`ep-connection-status.check-interval`).
    public var connectivityInterval = TimeDelta.milliseconds(500)
    /// `ice.restart`.
    public var restart = Restart()
    /// `jmt.audio.level.discard-silence`.
    public var discardsSilence = true
    /// `jmt.audio.level.forwarded-silence-packets-limit`.
    public var silentPackets = ForwardingLimits.silentPackets
    /// `jmt.srtp.max-consecutive-packets-discarded-early`: of silence and of what is muted so many packets in a row are
    /// dropped unopened, then one is authenticated; 0 for none.
    public var discardedEarly = 0
    /// `jmt.audio.red`.
    public var redundancy = RedundancySettings()
    /// How much is kept and spent to repair losses on the way to receivers.
    public var repair = RepairSettings()
    /// `videobridge.speech-activity` and `videobridge.loudest`.
    public var speech = SpeechSettings()

    /// `videobridge.cc`: how rates become layers.
    public var allocation = AllocationSettings()
    /// When layers are chosen anew.
    public var allocationSchedule = AllocationSchedule()
    /// When estimates count.
    public var estimates = EstimatePolicy()
    /// What limits the pictures that receivers get, whatever they ask for.
    public var lastN = LastNLimits()
    /// `ssrc-limit.audio`: slots for voices of a receiver with SSRC rewriting; for pictures it has as many as
    /// ``lastN`` has slots.
    public var audioSlots = 50
    /// `jmt.bwe.estimator`: bounds of what is taken for a receiver's rate.
    public var brake = RateBrakeSettings()

    /// `ice4j.consent-freshness` as JVB sets it.
    public struct Consent: Sendable {
        /// Time between two checks.
        public var interval = TimeDelta.seconds(5 as Int64)
        /// Whether it is multiplied by 0.8…1.2.
        public var isRandomized = true
        /// Wait before the first repetition, doubled each time.
        public var firstWait = TimeDelta.milliseconds(500)
        /// Longest wait between repetitions.
        public var maxWait = TimeDelta.milliseconds(500)
        /// Repetitions.
        public var retransmissions = 5

        /// JVB's values.
        public init() {}
    }

    /// Restarts of ICE in place (media-plane.md 1.9).
    public struct Restart: Sendable {
        /// Whether there are any; a ``timeout`` of zero or less means the same as `false`.
        public var isEnabled = true
        /// How long the former pair is kept after the change.
        public var transitionWindow = TimeDelta.seconds(3 as Int64)
        /// A restart that has not succeeded after this is given up.
        public var timeout = TimeDelta.seconds(20 as Int64)

        /// JVB's values.
        public init() {}
    }

    /// Settings with JVB's defaults.
    public init(localAddresses: [TransportAddress]) {
        self.localAddresses = localAddresses
    }
}

extension ShardSettings {
    /// Gives an agent what the configuration says of ICE.
    func apply(to ice: inout ICEAgent.Settings) {
        ice.keepAliveInterval = consent.interval
        ice.randomizesKeepAlive = consent.isRandomized
        ice.consentRetransmit = consent.firstWait
        ice.consentRetransmitMaximum = consent.maxWait
        ice.consentRetransmissions = consent.retransmissions
        // Who asks rarely must not lose consent between two answers.
        ice.consentExpiry = max(ice.consentExpiry, consent.interval * 2)
        ice.software = stunSoftware
        ice.nominationStrategy = nomination
    }
}
