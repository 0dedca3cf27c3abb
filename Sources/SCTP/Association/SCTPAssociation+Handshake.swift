// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

// Begin and begin anew (RFC 9260 §5).
extension SCTPAssociation {
    /// Begins the association, if there is none.
    public mutating func connect(at now: Timestamp) {
        advance(to: now)
        guard numbers.state == .closed else { return }
        numbers.localTag = newTag()
        numbers.localInitialTSN = newInitialTSN()
        beginSending(at: numbers.localInitialTSN)
        numbers.state = .cookieWait
        sendInitiation()
    }

    private mutating func sendInitiation() {
        numbers.pending.insert(.initiation)
        numbers.handshakeTimer = now + numbers.timeout.value
    }

    /// T1 fired: asks again, without end.
    mutating func repeatHandshake() {
        numbers.timeout.backOff()
        numbers.handshakeTimer = now + numbers.timeout.value
        switch numbers.state {
        case .cookieWait: numbers.pending.insert(.initiation)
        case .cookieEchoed:
            numbers.pending.insert(.cookieEcho)
            // What went with the first one has to go with this one.
            loseAll(countsAsTimeout: false)
        default: numbers.handshakeTimer = nil
        }
    }

    /// What we say in an INIT or INIT ACK.
    func localInitiation(tag: UInt32, initialTSN: UInt32) -> Initiation {
        Initiation(
            tag: tag, window: UInt32(clamping: settings.receiveBuffer), streams: SCTPLimits.streams,
            initialTSN: initialTSN)
    }

    private mutating func newTag() -> UInt32 { UInt32.random(in: 1...UInt32.max, using: &random) }
    private mutating func newInitialTSN() -> UInt32 {
        let drawn = UInt32(truncatingIfNeeded: random.next())
        return settings.initialTSN ?? drawn
    }

    private mutating func mayAnswerHandshake() -> Bool {
        if now - numbers.handshakeSecond >= .seconds(1) {
            numbers.handshakeSecond = now
            numbers.handshakesInSecond = 0
        }
        guard numbers.handshakesInSecond < SCTPLimits.handshakesPerSecond else {
            counters.throttledHandshakes &+= 1
            return false
        }
        numbers.handshakesInSecond += 1
        return true
    }

    /// An INIT: the answer holds all that is needed later, and nothing is kept (§5.1, §5.2.1, §5.2.2).
    mutating func receiveInitiation(_ value: RawSpan) {
        guard mayAnswerHandshake() else { return }
        guard let peer = Initiation(value) else { return counters.malformed &+= 1 }
        var local: Initiation
        var tieLocal: UInt32 = 0
        var tiePeer: UInt32 = 0
        switch numbers.state {
        case .shutdownAckSent:
            numbers.pending.insert(.shutdownAck)
            return
        case .closed: local = localInitiation(tag: newTag(), initialTSN: newInitialTSN())
        case .cookieWait, .cookieEchoed:
            // Both began at once: the peer gets the very numbers of our INIT.
            local = localInitiation(tag: numbers.localTag, initialTSN: numbers.localInitialTSN)
            if numbers.state == .cookieEchoed { (tieLocal, tiePeer) = (numbers.localTag, numbers.peerTag) }
        default:
            local = localInitiation(tag: newTag(), initialTSN: newInitialTSN())
            (tieLocal, tiePeer) = (numbers.localTag, numbers.peerTag)
        }
        let cookie = StateCookie(
            created: now, local: local, peer: peer, tieLocalTag: tieLocal, tiePeerTag: tiePeer)
        local.cookie = cookie.encoded(key: cookieKey)
        local.unrecognized = peer.unrecognized
        var writer = PacketWriter(port: settings.port, tag: peer.tag, limit: settings.packetLimit)
        writer.chunk(.initiationAck, local.encoded(offersZeroChecksum: settings.offersZeroChecksum))
        reply(writer.finished(checksum: true))
    }

    /// The answer to our INIT.
    mutating func receiveInitiationAck(_ value: RawSpan) {
        guard numbers.state == .cookieWait else { return counters.unexpectedChunks &+= 1 }
        guard let peer = Initiation(value), !peer.cookie.isEmpty else { return counters.malformed &+= 1 }
        numbers.peerTag = peer.tag
        numbers.features = peer.features
        numbers.outboundStreams = min(SCTPLimits.streams, peer.inboundStreams)
        numbers.inboundStreams = min(SCTPLimits.streams, peer.outboundStreams)
        beginReceiving(at: peer.initialTSN, window: peer.window)
        peerCookie = peer.cookie
        numbers.state = .cookieEchoed
        numbers.timeout = RetransmissionTimeout()
        numbers.pending.remove(.initiation)
        numbers.pending.insert(.cookieEcho)
        numbers.handshakeTimer = now + numbers.timeout.value
    }

    mutating func receiveCookieAck() {
        guard numbers.state == .cookieEchoed else { return }
        peerCookie = []
        enterEstablished()
    }

    /// A cookie comes back: opens the association, or settles what both sides know (§5.1.5, §5.2.4). Says whether the
    /// rest of the packet is to be looked at.
    mutating func receiveCookieEcho(_ value: RawSpan, tag: UInt32) -> Bool {
        guard mayAnswerHandshake() else { return false }
        guard let cookie = StateCookie(value, key: cookieKey), cookie.localTag == tag else {
            counters.badCookies &+= 1
            return false
        }
        let ours = numbers.state != .closed && cookie.localTag == numbers.localTag
        let theirs = numbers.state != .closed && cookie.peerTag == numbers.peerTag
        let age = now - cookie.created
        guard age <= SCTPLimits.cookieLife || ours && theirs else {
            counters.staleCookies &+= 1
            tellStaleCookie(cookie, age: age)
            return false
        }
        if numbers.state == .closed {
            open(cookie)
            return true
        }
        switch (ours, theirs) {
        case (true, true):
            // D: our answer was lost, or the peer's INIT met ours.
            if numbers.state == .cookieEchoed { enterEstablished() }
            numbers.pending.insert(.cookieAck)
            return true
        case (true, false):
            // B: both began at once.
            if numbers.state == .cookieWait || numbers.state == .cookieEchoed {
                adopt(cookie)
                enterEstablished()
                numbers.pending.insert(.cookieAck)
                return true
            }
        case (false, false):
            // A: the peer lost its state and begins anew.
            if cookie.tieLocalTag == numbers.localTag, cookie.tiePeerTag == numbers.peerTag {
                guard numbers.state != .shutdownAckSent else {
                    numbers.pending.insert(.shutdownAck)
                    return false
                }
                restart(cookie)
                return true
            }
        case (false, true): break  // C: a late one.
        }
        counters.badCookies &+= 1
        return false
    }

    private mutating func tellStaleCookie(_ cookie: StateCookie, age: TimeDelta) {
        var writer = PacketWriter(port: settings.port, tag: cookie.peerTag, limit: settings.packetLimit)
        writer.chunk(.error, count: 8) {
            $0.uint16(ErrorCause.staleCookie.rawValue)
            $0.uint16(8)
            $0.uint32(UInt32(clamping: (age - SCTPLimits.cookieLife).microseconds))
        }
        reply(writer.finished(checksum: true))
    }

    /// Our cookie was too old for the peer: begins again.
    mutating func cookieIsStale() {
        guard numbers.state == .cookieEchoed else { return }
        loseAll(countsAsTimeout: false)
        numbers.state = .cookieWait
        numbers.pending.remove(.cookieEcho)
        peerCookie = []
        sendInitiation()
    }

    /// Opens the association that a cookie describes.
    private mutating func open(_ cookie: StateCookie) {
        numbers = AssociationNumbers(settings: settings, following: numbers)
        numbers.localTag = cookie.localTag
        numbers.localInitialTSN = cookie.localInitialTSN
        beginSending(at: cookie.localInitialTSN)
        adopt(cookie)
        enterEstablished()
        numbers.pending.insert(.cookieAck)
    }

    private mutating func restart(_ cookie: StateCookie) {
        counters.restarts &+= 1
        dropEverything()
        numbers = AssociationNumbers(settings: settings, following: numbers)
        numbers.localTag = cookie.localTag
        numbers.localInitialTSN = cookie.localInitialTSN
        beginSending(at: cookie.localInitialTSN)
        adopt(cookie)
        numbers.state = .established
        numbers.pending.insert(.cookieAck)
        startHeartbeats()
        events.append(.restarted)
    }

    private mutating func adopt(_ cookie: StateCookie) {
        numbers.peerTag = cookie.peerTag
        numbers.features = cookie.features
        numbers.outboundStreams = cookie.outboundStreams
        numbers.inboundStreams = cookie.inboundStreams
        beginReceiving(at: cookie.peerInitialTSN, window: cookie.peerWindow)
    }

    private mutating func enterEstablished() {
        numbers.state = .established
        numbers.handshakeTimer = nil
        numbers.pending.subtract([.initiation, .cookieEcho])
        numbers.timeout = RetransmissionTimeout()
        if !outstanding.isEmpty { numbers.retransmissionTimer = now + numbers.timeout.value }
        startHeartbeats()
        events.append(.connected)
    }

    private mutating func beginSending(at initialTSN: UInt32) {
        numbers.nextTSN = TSN.first(initialTSN)
        numbers.acknowledged = numbers.nextTSN - 1
        numbers.advancedAcknowledgement = numbers.acknowledged
        numbers.nextRequest = initialTSN
    }

    private mutating func beginReceiving(at initialTSN: UInt32, window: UInt32) {
        received = ReceivedTSNs(next: TSN.first(initialTSN))
        reassembly = Reassembly(largestMessage: settings.largestMessage)
        numbers.expectedRequest = initialTSN
        numbers.peerWindow = max(0, Int(window) - numbers.flight)
        numbers.window = CongestionWindow(packet: settings.fragmentBytes, peerWindow: Int(window))
        numbers.advertisedWindow = settings.receiveBuffer
    }
}
