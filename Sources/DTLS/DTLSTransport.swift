// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
public import Primitives

/// One DTLS 1.2 association that agrees on SRTP keys (RFC 6347, 5764, 8122; media-plane.md 2) and carries application
/// data behind that, a record per datagram (RFC 8261 section 5).
///
/// Responsible for the role, the store of early datagrams, repetition of lost flights on the caller's clock, the
/// handshake's time limit, datagrams that fit the path, and the order of events. The records themselves are OpenSSL's
/// (docs/adr/0025).
/// Not responsible for ICE (the owner starts it once the path is writable) or for SRTP.
///
/// States: *idle* (no role yet; datagrams are kept) → *handshaking* → *connected* → *ended*; from each of them also
/// directly to *ended*. Timers: the repetition of the last flight and the end of the handshake.
///
/// After each mutation drain ``pollTransmit()`` and ``pollEvent()``, then read ``nextTimeout``.
public struct DTLSTransport: ~Copyable {
    /// What was dropped, and what was repeated.
    public private(set) var counters = DTLSCounters()
    /// The role, once ``start(_:at:)`` was called.
    public private(set) var role: DTLSRole?
    /// The negotiated cipher suite in OpenSSL's spelling, for `/debug`; `nil` before the handshake is over.
    public private(set) var cipherName: String?

    private enum Phase {
        case idle, handshaking, connected, ended
    }

    private let identity: DTLSIdentity
    private let settings: DTLSSettings
    private var phase = Phase.idle
    private var session: DTLSSession?
    private var fingerprints: [(hash: String, digest: [UInt8])] = []
    private var early: [[UInt8]] = []
    private var transmits: [[UInt8]] = []
    private var events: [DTLSEvent] = []
    private var handshakeDeadline: Timestamp?
    private var retransmission: Timestamp?
    private var interval: TimeDelta
    private var flights: UInt32 = 0
    /// How often the present flight was repeated.
    private var repetitions = 0
    /// The last copy of the flight that OpenSSL makes; sent as it is from then on.
    private var lastCopy: [[UInt8]] = []
    /// Shortest body that an encrypted record of the peer can have. Before the suite is known the longer of the two: a
    /// handshake message is never so short.
    private var leastRecordBytes = DTLSLimits.recordBytesGCM

    /// A transport without a role.
    public init(identity: DTLSIdentity, settings: DTLSSettings, at now: Timestamp) {
        self.identity = identity
        self.settings = settings
        interval = settings.firstRetransmission
    }

    /// A transport without a role and with the usual settings.
    /// - Parameter profiles: SRTP profiles to offer or to choose from, best first.
    public init(identity: DTLSIdentity, profiles: [SRTPProfile], at now: Timestamp) {
        self.init(identity: identity, settings: DTLSSettings(profiles: profiles), at: now)
    }

    /// Adds what signalling says of the peer's certificate; earlier fingerprints stay. Unknown hashes and those
    /// that are not accepted are counted.
    ///
    /// The first accepted hash for which there is a fingerprint decides; several fingerprints of it are alternatives.
    public mutating func addFingerprints(_ list: [(hash: String, digest: [UInt8])]) {
        for (hash, digest) in list {
            guard let function = HashFunction(rawValue: hash.lowercased()), function.digestBytes == digest.count,
                settings.acceptedHashes.contains(function),
                fingerprints.count < OpenSSLLimits.fingerprints
            else {
                counters.unusableFingerprints += 1
                continue
            }
            if fingerprints.contains(where: { $0.hash == hash && $0.digest == digest }) { continue }
            fingerprints.append((hash, digest))
            session?.addFingerprint(hash: hash, digest: digest)
        }
    }

    /// Begins the handshake; datagrams that came before are worked through first. Once per transport, later calls are
    /// ignored: one handshake for life, also across ICE restarts.
    public mutating func start(_ role: DTLSRole, at now: Timestamp) {
        guard phase == .idle else { return }
        self.role = role
        phase = .handshaking
        handshakeDeadline = now + settings.handshakeTimeout
        var session = DTLSSession(
            identity: identity, isClient: role == .client, profiles: settings.profiles,
            acceptedHashes: settings.acceptedHashes)
        for (hash, digest) in fingerprints { session.addFingerprint(hash: hash, digest: digest) }
        session.start()
        self.session = consume session
        settle(at: now)
        let waiting = early
        early = []
        for datagram in waiting { handle(datagram.rawSpan, at: now) }
    }

    /// Takes in one datagram that looks like DTLS.
    /// - Parameter application: gets the plaintext of each record of application data in it, during the call: the first
    ///   ones may come with the end of the handshake, before its event. Left out where nobody asked for any.
    public mutating func handle(
        _ datagram: RawSpan, at now: Timestamp, application: (RawSpan) -> Void = { _ in }
    ) {
        guard datagram.byteCount > 0, datagram.byteCount <= DTLSLimits.datagramBytes else {
            counters.badSize += 1
            return
        }
        switch phase {
        case .idle:
            guard early.count < DTLSLimits.earlyDatagrams else {
                counters.earlyOverflow += 1
                return
            }
            early.append(datagram.toArray())
        case .handshaking, .connected:
            guard !DTLSRecords.hasStub(datagram, leastBytes: leastRecordBytes) else {
                counters.stubs += 1
                return
            }
            var records: UInt64 = 0
            datagram.withUnsafeBytes { bytes in
                session?.receive(bytes) { record in
                    records += 1
                    application(record)
                }
            }
            counters.recordsReceived += records
            settle(at: now)
        case .ended:
            counters.afterEnd += 1
        }
    }

    /// Makes one record of application data, a datagram of its own.
    /// - Returns: `false` when it was refused: the association does not stand, or it is longer than
    ///   ``DTLSLimits/applicationBytes``.
    public mutating func send(application: RawSpan, at now: Timestamp) -> Bool {
        guard phase == .connected, application.withUnsafeBytes({ session?.send(application: $0) }) == true else {
            counters.recordsRefused += 1
            return false
        }
        counters.recordsSent += 1
        // One record, so there is nothing to cut.
        if let record = session?.takeOutput() { transmits.append(record) }
        return true
    }

    /// Does what is due.
    public mutating func handleTimeout(at now: Timestamp) {
        guard phase == .handshaking else { return }
        if let handshakeDeadline, now >= handshakeDeadline {
            fail(DTLSTransport.timedOut)
            return
        }
        guard let due = retransmission, now >= due else { return }
        counters.retransmissions += 1
        interval = min(interval * 2, DTLSLimits.longestRetransmission)
        retransmission = now + interval
        repeatFlight(at: now)
    }

    /// Sends the last flight once more. OpenSSL takes so many repetitions as a sign that the peer is gone; a path that
    /// was silent for so long may come back, so the last copy goes out until the handshake's time is over. A peer that
    /// has seen its records already passes them over, and repeats its own flight by its own clock.
    private mutating func repeatFlight(at now: Timestamp) {
        repetitions += 1
        guard repetitions > OpenSSLLimits.dtlsRepetitions else {
            let sent = transmits.count
            session?.retransmit()
            settle(at: now)
            if repetitions == OpenSSLLimits.dtlsRepetitions, phase == .handshaking {
                lastCopy = Array(transmits[min(sent, transmits.count)...])
            }
            return
        }
        transmits += lastCopy
    }

    /// When ``handleTimeout(at:)`` wants to be called.
    public var nextTimeout: Timestamp? { earlier(handshakeDeadline, retransmission) }

    /// Ends the association with a close_notify.
    public mutating func close(at now: Timestamp) {
        guard phase != .ended else { return }
        session?.close()
        if session == nil { end(.closed) } else { settle(at: now) }
    }

    /// The next datagram to send.
    public mutating func pollTransmit() -> [UInt8]? {
        transmits.isEmpty ? nil : transmits.removeFirst()
    }

    /// The next event.
    public mutating func pollEvent() -> DTLSEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// Whether the SRTP keys are there and the association has not ended.
    public var isConnected: Bool { phase == .connected }

    /// Whether the association has ended, in order or not.
    public var isEnded: Bool { phase == .ended }

    private static let timedOut = "handshake took too long"

    /// Collects what the session made: datagrams, a change of state, a new flight to wait for.
    private mutating func settle(at now: Timestamp) {
        guard session != nil else { return }
        let output = session?.takeOutput() ?? []
        if !output.isEmpty {
            transmits += DTLSRecords.datagrams(output, limit: DTLSLimits.outgoingDatagramBytes)
        }
        switch session?.state {
        case .handshaking?:
            watchFlight(at: now)
        case .connected?:
            guard phase == .handshaking else { return }
            guard let keys = session?.exportKeys() else {
                fail("no SRTP keys")
                return
            }
            phase = .connected
            cipherName = session?.cipherName
            if cipherName?.contains("CHACHA20") == true { leastRecordBytes = DTLSLimits.recordBytesChaCha }
            stopTimers()
            events.append(.connected(keys))
        case .failed(let failure)?:
            fail(failure.reason)
        case .closed?:
            end(.closed)
        case nil:
            break
        }
    }

    /// Starts the clock for a new flight, stops it when nothing waits for an answer.
    private mutating func watchFlight(at now: Timestamp) {
        let newFlights = session?.flights ?? flights
        if session?.awaitsAnswer != true {
            retransmission = nil
        } else if newFlights != flights {
            repetitions = 0
            lastCopy = []
            interval = settings.firstRetransmission
            retransmission = now + interval
        }
        flights = newFlights
    }

    private mutating func fail(_ reason: String) { end(.failed(reason: reason)) }

    private mutating func end(_ event: DTLSEvent) {
        guard phase != .ended else { return }
        phase = .ended
        stopTimers()
        early = []
        // The handles of the library are of no more use.
        session = nil
        events.append(event)
    }

    private mutating func stopTimers() {
        handshakeDeadline = nil
        retransmission = nil
        lastCopy = []
    }
}
