// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import XMPP

/// The shell around one `XMPPClient`: the socket, the TLS session, the name look-up.
///
/// It decides nothing: it carries bytes between socket, TLS and the client, does what the client asks, and hands its
/// events to ``onEvent``.
final class XMPPConnection: LoopTask {
    /// The block's name.
    let id: String
    /// Called with each event of the client. May call ``update(at:_:)``.
    var onEvent: (XMPPEvent, Timestamp) -> Void = { _, _ in }
    /// Called just before the statistics presence is due; returns what it shall say.
    var statistics: ((Timestamp) -> [(name: String, value: String)])?

    private let loop: ControlLoop
    private let resolver: Resolver
    private var client: XMPPClient
    private var socket: TCPConnection?
    private var tls: TLSClient?
    private var isTLSReported = false
    /// Which attempt a look-up belongs to; late answers are for nobody.
    private var attempt = 0
    private var isSettling = false

    init(_ settings: XMPPSettings, loop: ControlLoop, resolver: Resolver, at now: Timestamp) {
        id = settings.id
        self.loop = loop
        self.resolver = resolver
        client = XMPPClient(settings, random: Random(seed: SecureRandom.uint64()), at: now)
        loop.add(self)
    }

    var isOnline: Bool { client.isOnline }
    var isClosed: Bool { client.isClosed }
    var joinedRooms: Int { client.joinedRooms }
    var counters: XMPPCounters { client.counters }
    var settings: XMPPSettings { client.settings }

    /// Changes the client and does what it then asks for.
    @discardableResult
    func update<Result>(at now: Timestamp, _ change: (inout XMPPClient) -> Result) -> Result {
        let result = change(&client)
        settle(at: now)
        return result
    }

    /// Drops the connection without a goodbye, as a crash would.
    func abandon() {
        attempt += 1
        socket?.close()
        socket = nil
        tls = nil
        loop.remove(self)
    }

    // MARK: Loop

    var nextTimeout: Timestamp? { earlier(client.nextTimeout, socket?.nextTimeout) }

    func handleTimeout(at now: Timestamp) {
        if let socket, let deadline = socket.nextTimeout, deadline <= now { take(socket.connect(at: now), at: now) }
        if let due = client.presenceDue, due <= now, let statistics {
            let values = statistics(now)
            client.setStatistics(values, at: now)
        }
        update(at: now) { $0.handleTimeout(at: now) }
    }

    func handle(_ event: PollEvent, at now: Timestamp) {
        guard let socket, socket.owns(event) else { return }
        take(socket.handle(event, at: now), at: now)
        var budget = ControlPlaneLimits.readBytesPerTurn - ControlPlaneLimits.readBytes
        // Ends with the budget, or when nothing more has come; the loop comes back for the rest.
        while event.isReadable, budget > 0, let socket = self.socket, socket.owns(event) {
            let outcome = socket.read()
            guard case .bytes = outcome else {
                take(outcome, at: now)
                break
            }
            take(outcome, at: now)
            budget -= ControlPlaneLimits.readBytes
        }
    }

    // MARK: In

    private func take(_ outcome: TCPConnection.Outcome, at now: Timestamp) {
        switch outcome {
        case .nothing: break
        case .connected:
            let nonce = SecureRandom.bytes(24)
            update(at: now) { $0.handleConnected(nonce: nonce, at: now) }
        case .bytes(let bytes): receive(bytes, at: now)
        case .ended(let reason): end(reason, at: now)
        }
    }

    private func receive(_ bytes: [UInt8], at now: Timestamp) {
        guard tls != nil else { return update(at: now) { $0.handle(bytes.rawSpan, at: now) } }
        tls?.handle(ciphertext: bytes)
        advanceTLS(at: now)
    }

    private func advanceTLS(at now: Timestamp) {
        flushTLS(at: now)
        if case .connected? = tls?.state, !isTLSReported {
            isTLSReported = true
            update(at: now) { $0.handleTLSEstablished(at: now) }
        }
        while let plaintext = nextPlaintext() { update(at: now) { $0.handle(plaintext.rawSpan, at: now) } }
        switch tls?.state {
        case .failed(let reason)?:
            closeSocket()
            if isTLSReported {
                update(at: now) { $0.handleDisconnected(reason, at: now) }
            } else {
                update(at: now) { $0.handleTLSFailed(reason, at: now) }
            }
        case .closed?: end("closed by the server", at: now)
        case .handshaking?, .connected?, nil: break
        }
    }

    private func end(_ reason: String, at now: Timestamp) {
        closeSocket()
        update(at: now) { $0.handleDisconnected(reason, at: now) }
    }

    // MARK: Out

    /// Drains the client's outputs. Events may change the client again; then the loop here goes on.
    private func settle(at now: Timestamp) {
        guard !isSettling else { return }
        isSettling = true
        defer { isSettling = false }
        var isBusy = true
        // Ends because every round takes something out that only new input can add to.
        while isBusy {
            isBusy = false
            while let bytes = nextBytes() { write(bytes, at: now) }
            if let action = nextAction() {
                perform(action, at: now)
                isBusy = true
            }
            if let event = nextEvent() {
                onEvent(event, now)
                isBusy = true
            }
        }
    }

    // These are never inlined: the optimiser of Swift 6.3 otherwise stretches the access to the noncopyable client or
    // TLS session over the loop around it, whose body changes it too, and the program ends with an access conflict.

    @inline(never)
    private func nextBytes() -> [UInt8]? { client.pollBytes() }

    @inline(never)
    private func nextAction() -> XMPPAction? { client.pollAction() }

    @inline(never)
    private func nextEvent() -> XMPPEvent? { client.pollEvent() }

    @inline(never)
    private func nextCiphertext() -> [UInt8]? { tls?.pollCiphertext() }

    @inline(never)
    private func nextPlaintext() -> [UInt8]? { tls?.pollPlaintext() }

    private func write(_ bytes: [UInt8], at now: Timestamp) {
        guard tls != nil else { return send(bytes, at: now) }
        tls?.write(plaintext: bytes)
        flushTLS(at: now)
    }

    private func flushTLS(at now: Timestamp) {
        while let bytes = nextCiphertext() { send(bytes, at: now) }
    }

    private func send(_ bytes: [UInt8], at now: Timestamp) {
        if let failure = socket?.write(bytes) { end(failure, at: now) }
    }

    private func perform(_ action: XMPPAction, at now: Timestamp) {
        switch action {
        case .openConnection(let host, let port): open(host, port, at: now)
        case .startTLS(let name, let verifies, let authorities):
            startTLS(name, verifies: verifies, authorities: authorities, at: now)
        case .closeConnection:
            if tls != nil {
                tls?.close()
                flushTLS(at: now)
            }
            closeSocket()
        }
    }

    private func open(_ host: String, _ port: UInt16, at now: Timestamp) {
        attempt += 1
        let current = attempt
        resolver.resolve(host: host, port: port, at: now) { [weak self] outcome, now in
            guard let self, self.attempt == current else { return }
            switch outcome {
            case .failure(let reason): self.end(reason, at: now)
            case .addresses(let addresses):
                let socket = TCPConnection(loop: self.loop, owner: self, addresses: addresses)
                self.socket = socket
                self.take(socket.connect(at: now), at: now)
            }
        }
    }

    private func startTLS(_ name: String, verifies: Bool, authorities: String?, at now: Timestamp) {
        let verification: TLSClientSettings.Verification =
            verifies ? authorities.map { .authorities(file: $0) } ?? .system : .none
        do throws(OpenSSLError) {
            tls = try TLSClient(TLSClientSettings(serverName: name, verification: verification))
            isTLSReported = false
            flushTLS(at: now)
        } catch {
            closeSocket()
            update(at: now) { $0.handleTLSFailed(error.description, at: now) }
        }
    }

    private func closeSocket() {
        attempt += 1
        socket?.close()
        socket = nil
        tls = nil
        isTLSReported = false
    }
}
