// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import DTLS
public import ICE
public import OpenSSL
public import Primitives
public import SRTP

/// One peer's ICE, DTLS and SRTP behind one door.
///
/// The session is told what arrives (already sorted by ``DatagramClass``), drives its three parts, and hands out
/// datagrams and events. Order of life: ICE finds a writable pair, the handshake runs as soon as the pair is writable
/// and the role is known, its keys make the two SRTP directions. After that only ICE keeps timers.
public struct TransportSession: ~Copyable {
    /// What the owner has to know.
    public enum Event {
        /// The peer answered our check from here: datagrams of this 4-tuple belong to this session from now on.
        case bound(Destination)
        /// Datagrams from here do not any more.
        case unbound(Destination)
        /// The first pair works.
        case iceConnected
        /// No pair works.
        case iceFailed
        /// A restart in place worked: media goes the new agent's way.
        case iceRestarted(generation: UInt32)
        /// A restart in place found no way in its time: nothing has changed.
        case iceRestartFailed(generation: UInt32)
        /// Media can flow.
        case dtlsConnected(SRTPProfile)
        /// The handshake failed, for a constant reason.
        case dtlsFailed(String)
    }

    /// The ICE agent in use.
    public internal(set) var ice: ICEAgent
    /// The one that will follow it, during a restart.
    var restart: SpareAgent?
    /// The one before it, for some seconds after a restart.
    var former: SpareAgent?
    /// Restarts begun so far.
    var restartCount: UInt32 = 0
    /// How long ``former`` is kept.
    var transitionWindow = TimeDelta.zero
    /// The handshake and, later, the data channel's records.
    public private(set) var dtls: DTLSTransport
    private var receiver: SRTPReceiver?
    private var sender: SRTPSender?
    private let srtp: SRTPSettings
    /// Our half, as signalled.
    public var ufrag: String { ice.localUfrag }
    /// Our ICE password.
    public var password: String { ice.localPassword }
    /// Where datagrams go now; `nil` before the first pair works and while consent is lost.
    public private(set) var destination: Destination?
    private var role: DTLSRole?
    private var isWritable = false
    private var hasStartedDTLS = false
    var pending: [Event] = []

    /// A session that waits for the peer's half.
    public init(
        ice settings: ICEAgent.Settings, identity: DTLSIdentity, dtls dtlsSettings: DTLSSettings,
        srtp: SRTPSettings = SRTPSettings(), random: Random, at now: Timestamp
    ) {
        self.srtp = srtp
        fingerprint = identity.fingerprint
        fingerprintHash = identity.fingerprintHash
        ice = ICEAgent(settings, random: random, at: now)
        dtls = DTLSTransport(identity: identity, settings: dtlsSettings, at: now)
    }

    /// A session with the usual DTLS settings.
    public init(
        ice settings: ICEAgent.Settings, identity: DTLSIdentity, profiles: [SRTPProfile],
        srtp: SRTPSettings = SRTPSettings(), random: Random, at now: Timestamp
    ) {
        self.init(
            ice: settings, identity: identity, dtls: DTLSSettings(profiles: profiles), srtp: srtp, random: random,
            at: now)
    }

    // MARK: Commands

    /// Tells the peer's ICE credentials; checks begin.
    public mutating func setRemoteCredentials(ufrag: String, password: String, at now: Timestamp) {
        ice.setRemoteCredentials(ufrag: ufrag, password: password, at: now)
    }

    /// Tells a candidate of the peer.
    public mutating func addRemoteCandidate(
        _ address: TransportAddress, priority: UInt32, isRelayed: Bool, at now: Timestamp
    ) {
        ice.addRemoteCandidate(address, priority: priority, isRelayed: isRelayed, at: now)
    }

    /// Tells fingerprints of the peer, in addition to earlier ones.
    public mutating func addFingerprints(_ list: [(hash: String, digest: [UInt8])]) {
        dtls.addFingerprints(list)
    }

    /// Decides our DTLS role; only the first call counts (one handshake per transport).
    public mutating func setRole(_ role: DTLSRole, at now: Timestamp) {
        if self.role == nil { self.role = role }
        startDTLSIfReady(at: now)
        settle(at: now)
    }

    /// Our certificate's fingerprint, as signalled.
    public let fingerprint: String
    /// The hash it was made with.
    public let fingerprintHash: HashFunction

    /// Our DTLS role, once the peer's `setup` is known.
    public var dtlsRole: DTLSRole? { role }

    // MARK: Datagrams

    /// Takes a STUN datagram.
    /// - Returns: what the agent that took it had answered and refused before and after.
    @discardableResult
    public mutating func handleSTUN(
        _ datagram: RawSpan, from source: TransportAddress, local: UInt16, at now: Timestamp
    ) -> (before: ICECounters, after: ICECounters) {
        let counters: (before: ICECounters, after: ICECounters)
        if restart == nil, former == nil {
            let before = ice.counters
            ice.handle(datagram, from: source, local: local, at: now)
            counters = (before, ice.counters)
        } else {
            counters = routeSTUN(datagram, from: source, local: local, at: now)
        }
        settle(at: now)
        return counters
    }

    /// Another session has proven that the 4-tuple is its own; see `ICEAgent.release(_:at:)`.
    public mutating func release(_ destination: Destination, at now: Timestamp) {
        ice.release(destination, at: now)
        restart?.agent.release(destination, at: now)
        former?.agent.release(destination, at: now)
        settle(at: now)
    }

    /// Whether a first connection was made.
    public var isEstablished: Bool { isWritable }

    /// Takes a DTLS datagram.
    /// - Parameter application: gets the plaintext of each record of application data, during the call.
    public mutating func handleDTLS(
        _ datagram: RawSpan, at now: Timestamp, application: (RawSpan) -> Void = { _ in }
    ) {
        dtls.handle(datagram, at: now, application: application)
        settle(at: now)
    }

    /// Sends application data as one record, which goes into `egress` at once.
    /// - Returns: `false` when it was not sent: no handshake yet, nowhere to send it, too long, or no room.
    public mutating func send(application: RawSpan, at now: Timestamp, into egress: inout EgressBatch) -> Bool {
        guard let destination, egress.hasRoom(datagrams: 1), dtls.send(application: application, at: now) else {
            return false
        }
        var isSent = true
        // Ends: each turn takes one datagram out of a bounded queue.
        while let bytes = dtls.pollTransmit() {
            if !egress.append(bytes.rawSpan, to: destination) { isSent = false }
        }
        return isSent
    }

    /// Whether the SRTP keys are there.
    @inline(__always)
    public var hasKeys: Bool { sender != nil }

    /// Whether media can be sent now.
    @inline(__always)
    public var isReady: Bool { sender != nil && destination != nil }

    /// Door 3: authenticates and decrypts an RTP packet in place; see `SRTPReceiver`.
    @inline(__always)
    public mutating func unprotectRTP(
        _ packet: UnsafeMutableRawBufferPointer, headerBytes: Int, decrypts: Bool = true
    ) -> Result<Int, SRTPFailure> {
        // Callers look at `hasKeys` first; without keys nothing can be authentic.
        receiver?.unprotectRTP(packet, headerBytes: headerBytes, decrypts: decrypts) ?? .failure(.authentication)
    }

    /// Whether packets of this SSRC have been authenticated lately.
    public func hasHeard(_ ssrc: UInt32) -> Bool { receiver?.knows(ssrc) ?? false }

    /// Authenticates and decrypts an RTCP packet in place.
    public mutating func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) -> Result<Int, SRTPFailure> {
        receiver?.unprotectRTCP(packet) ?? .failure(.authentication)
    }

    /// Door 8: encrypts out of place; see `SRTPSender`.
    @inline(__always)
    public mutating func protectRTP(
        slot: UnsafeMutableRawBufferPointer, headerBytes: Int, payload: UnsafeRawBufferPointer
    ) -> Int? {
        sender?.protectRTP(slot: slot, headerBytes: headerBytes, payload: payload) ?? nil
    }

    /// The handle that saves looking up a stream's context for each packet; see `SRTPSender`. `nil` without keys and
    /// when there is no room for another SSRC.
    public mutating func sendHandle(for ssrc: UInt32) -> SRTPSender.StreamHandle? {
        sender?.handle(for: ssrc) ?? nil
    }

    /// Door 8 for a stream whose handle is known: the length is final, the packet complete after `queue.finish()`; see
    /// `SRTPSender`.
    @inline(__always)
    public mutating func protectRTP(
        _ handle: SRTPSender.StreamHandle, slot: UnsafeMutableRawBufferPointer, headerBytes: Int,
        payload: UnsafeRawBufferPointer, into queue: inout SealQueue
    ) -> Int? {
        sender?.protectRTP(handle, slot: slot, headerBytes: headerBytes, payload: payload, into: &queue) ?? nil
    }

    /// Whether a packet can be sent a second time under its number; see `SRTPSender`.
    public var canRepeat: Bool { sender?.canRepeat() ?? false }

    /// Encrypts a packet a second time under its number, with the payload it had; see `SRTPSender`.
    public mutating func protectRepeat(
        slot: UnsafeMutableRawBufferPointer, headerBytes: Int, payload: UnsafeRawBufferPointer
    ) -> Int? {
        sender?.protectRepeat(slot: slot, headerBytes: headerBytes, payload: payload) ?? nil
    }

    /// The highest sequence number that was sent under an SSRC; `nil` when there was none.
    public func lastSentSequence(of ssrc: UInt32) -> UInt16? { sender?.lastSequence(of: ssrc) ?? nil }

    /// Encrypts an RTCP packet out of place.
    public mutating func protectRTCP(
        _ packet: UnsafeRawBufferPointer, into slot: UnsafeMutableRawBufferPointer
    ) -> Int? {
        sender?.protectRTCP(packet, into: slot) ?? nil
    }

    // MARK: Time

    /// When ``handleTimeout(at:)`` wants to be called.
    public var nextTimeout: Timestamp? { earlier(earlier(ice.nextTimeout, dtls.nextTimeout), spareTimeout) }

    /// Lets timers run.
    public mutating func handleTimeout(at now: Timestamp) {
        if let deadline = ice.nextTimeout, deadline <= now { ice.handleTimeout(at: now) }
        if let deadline = dtls.nextTimeout, deadline <= now { dtls.handleTimeout(at: now) }
        if let deadline = spareTimeout, deadline <= now { handleSpareTimeouts(at: now) }
        settle(at: now)
    }

    /// The process did not run for `pause` and goes on at `now`, on a clock that does not count the pause: consent is
    /// asked for anew. When it ran out meanwhile ``destination`` is `nil` until the answer.
    ///
    /// Then drain and read ``nextTimeout`` as after every call.
    public mutating func resumeAfterPause(of pause: TimeDelta, at now: Timestamp) {
        ice.resumeAfterPause(of: pause, at: now)
        restart?.agent.resumeAfterPause(of: pause, at: now)
        settle(at: now)
    }

    // MARK: Drain

    /// Moves every waiting datagram into `egress`.
    /// - Returns: how many did not fit; they are lost, the protocols repeat them.
    public mutating func drain(into egress: inout EgressBatch) -> Int {
        var lost = 0
        // Ends: each turn takes one datagram out of a bounded queue.
        while let (target, bytes) = ice.pollTransmit() {
            if !egress.append(bytes.rawSpan, to: target) { lost += 1 }
        }
        while let (target, bytes) = restart?.agent.pollTransmit() ?? former?.agent.pollTransmit() {
            if !egress.append(bytes.rawSpan, to: target) { lost += 1 }
        }
        while let bytes = dtls.pollTransmit() {
            guard let destination else {
                lost += 1
                continue
            }
            if !egress.append(bytes.rawSpan, to: destination) { lost += 1 }
        }
        return lost
    }

    /// The next event, oldest first.
    public mutating func pollEvent() -> Event? {
        pending.isEmpty ? nil : pending.removeFirst()
    }

    // MARK: Inside

    /// Turns the parts' events into ours until all of them are quiet.
    mutating func settle(at now: Timestamp) {
        if restart != nil || former != nil { settleSpares(at: now) }
        while let event = ice.pollEvent() {
            switch event {
            case .bound(let from): pending.append(.bound(from))
            case .unbound(let from):
                if restart == nil && former == nil || !holds(from) { pending.append(.unbound(from)) }
            case .writable:
                if !isWritable { pending.append(.iceConnected) }
                isWritable = true
            case .failed: pending.append(.iceFailed)
            case .selected, .consentLost, .consentRegained: break
            }
        }
        destination = ice.sendDestination
        startDTLSIfReady(at: now)
        while let event = dtls.pollEvent() {
            switch event {
            case .connected(let keys): adopt(keys)
            case .failed(let reason): pending.append(.dtlsFailed(reason))
            case .closed: break  // The client hung up; signalling or silence ends the endpoint.
            }
        }
    }

    /// Media can flow under these keys, the handshake's. The simulator, which is part of this package, has keys of its
    /// own where it plays whole meetings: nobody else can pass the handshake by.
    package mutating func adopt(_ keys: SRTPKeys) {
        receiver = SRTPReceiver(
            profile: keys.profile, key: keys.remoteKey, salt: keys.remoteSalt, settings: srtp)
        sender = SRTPSender(profile: keys.profile, key: keys.localKey, salt: keys.localSalt, settings: srtp)
        pending.append(.dtlsConnected(keys.profile))
    }

    private mutating func startDTLSIfReady(at now: Timestamp) {
        guard !hasStartedDTLS, isWritable, let role else { return }
        hasStartedDTLS = true
        dtls.start(role, at: now)
    }
}
