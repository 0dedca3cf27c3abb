// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import XML
internal import XMPP

/// A focus that stands beside the bridge in an XMPP room: logs in, joins the brewery, finds the bridge by its presence,
/// and sends it conference-modify requests (control-plane.md 1 to 3).
final class XMPPFocus: Focus {
    private let door: LoadOptions.XMPPDoor
    private let timeoutSeconds: Double
    private let asksForSCTP: Bool
    private let asksForRewriting: Bool
    private var client: XMPPClient
    private var connection: TCPConnection?
    private var tls: TLSClient?
    private var isTLSReported = false
    /// The bridge's address in the room.
    private var bridge: String?
    /// Whether it is in the room, as far as we see.
    private var isBridgeThere = false
    private var answers: [String: IQOutcome] = [:]
    /// Why there is no session, or why we are not in the room.
    private var failure: String?
    private var hasLoggedIn = false
    private static let statistics = "http://jitsi.org/protocol/colibri"

    /// Logs in and waits for a bridge to show up in the room.
    /// - Parameters:
    ///   - timeoutSeconds: how long that may take, and later the answer to a request.
    ///   - asksForSCTP: whether endpoints get a data channel.
    ///   - asksForRewriting: whether they get SSRC rewriting.
    init(
        _ door: LoadOptions.XMPPDoor, timeoutSeconds: Double, asksForSCTP: Bool, asksForRewriting: Bool
    ) throws(LoadError) {
        self.door = door
        self.asksForSCTP = asksForSCTP
        self.asksForRewriting = asksForRewriting
        self.timeoutSeconds = timeoutSeconds
        var settings = XMPPSettings(
            id: "load", host: door.host, domain: door.domain, username: door.user, password: door.password,
            rooms: [door.room], nickname: door.nick, security: .ifPossible)
        settings.port = door.port
        settings.verifiesCertificate = door.verifiesCertificate
        settings.reportsOccupants = true
        settings.isBridge = false
        settings.software = SoftwareVersion(name: "viaduct-load", version: "", operatingSystem: "Linux")
        let now = MonotonicClock.now()
        client = XMPPClient(settings, random: Random(seed: SecureRandom.uint64()), at: now)
        let deadline = now + .seconds(timeoutSeconds)
        while bridge == nil {
            // The client would try for ever, as a bridge must; whoever waits at a terminal wants to know.
            if let failure { throw .connection(failure) }
            guard MonotonicClock.now() < deadline else {
                guard hasLoggedIn else { throw .connection("\(door.host):\(door.port): no login in time") }
                throw .connection("no bridge\(door.bridge.map { " \($0)" } ?? "") appeared in \(door.room)")
            }
            step()
        }
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        let request = FocusRequest.create(
            endpoint: participant.endpoint, newConference: newConference, sctp: asksForSCTP,
            rewriting: asksForRewriting)
        guard let answer = try send(request, participant.conference) else { throw .badAnswer("empty result") }
        return try ColibriXML.transport(of: participant.endpoint, in: answer)
    }

    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError) {
        _ = try send(.update(endpoint: participant.endpoint, transport, participant.sources), participant.conference)
    }

    func expire(_ conference: PlannedConference) throws(LoadError) {
        _ = try send(.expireConference, conference)
    }

    func idle() {
        step(longest: 0)
    }

    private func send(_ request: FocusRequest, _ conference: PlannedConference) throws(LoadError) -> XMLElement? {
        let deadline = MonotonicClock.now() + .seconds(timeoutSeconds)
        // After an outage of the server both of us have to come back first.
        while !isBridgeThere {
            guard MonotonicClock.now() < deadline else {
                throw .connection(failure ?? "the bridge \(bridge ?? "") left the room")
            }
            step()
        }
        let payload = ColibriXML.element(request, meeting: conference.meeting, name: conference.name)
        let id = client.sendIQ(type: .get, to: bridge, payload: payload, at: MonotonicClock.now())
        settle()
        while true {  // Ends: the answer or the deadline comes.
            if let outcome = answers.removeValue(forKey: id) {
                switch outcome {
                case .result(let element): return element
                case .error(let error): throw .refused("\(error.condition.rawValue) \(error.text)")
                case .timeout: throw .connection("the bridge \(bridge ?? "") does not answer")
                case .disconnected: throw .connection(failure ?? "the XMPP connection ended")
                }
            }
            guard MonotonicClock.now() < deadline else {
                throw .connection("the bridge \(bridge ?? "") does not answer")
            }
            step()
        }
    }

    /// Waits for the next bytes or the client's next deadline and deals with it.
    private func step(longest milliseconds: Int64 = 50) {
        var now = MonotonicClock.now()
        if let due = client.nextTimeout, due <= now {
            client.handleTimeout(at: now)
            settle()
        }
        guard let connection else {
            // Between two attempts to connect.
            sleepMilliseconds(min(milliseconds, 20))
            return
        }
        now = MonotonicClock.now()
        let untilDue = client.nextTimeout.map { max(($0 - now).milliseconds, 0) } ?? milliseconds
        guard connection.waitReadable(milliseconds: Int32(min(milliseconds, untilDue))) else { return }
        do throws(LoadError) {
            let bytes = try connection.read()
            now = MonotonicClock.now()
            if bytes.isEmpty {
                end("closed by the server", at: now)
            } else if tls != nil {
                tls?.handle(ciphertext: bytes)
                advanceTLS(at: now)
            } else {
                client.handle(bytes.rawSpan, at: now)
            }
        } catch {
            end(error.detail, at: MonotonicClock.now())
        }
        settle()
    }

    private func advanceTLS(at now: Timestamp) {
        flushTLS()
        if case .connected? = tls?.state, !isTLSReported {
            isTLSReported = true
            client.handleTLSEstablished(at: now)
            settle()
        }
        while let plaintext = tls?.pollPlaintext() {
            client.handle(plaintext.rawSpan, at: now)
            settle()
        }
        if case .failed(let reason)? = tls?.state {
            close()
            client.handleTLSFailed(reason, at: now)
        }
    }

    /// Does what the client asks and notes what it tells.
    private func settle() {
        var isBusy = true
        // Ends because every round takes something out that only new input can add to.
        while isBusy {
            isBusy = false
            while let bytes = client.pollBytes() { write(bytes) }
            if let action = client.pollAction() {
                perform(action)
                isBusy = true
            }
            if let event = client.pollEvent() {
                note(event)
                isBusy = true
            }
        }
    }

    private func perform(_ action: XMPPAction) {
        let now = MonotonicClock.now()
        switch action {
        case .openConnection(let host, let port):
            do throws(LoadError) {
                connection = try TCPConnection(host: host, port: port, timeoutSeconds: min(timeoutSeconds, 10))
                client.handleConnected(nonce: SecureRandom.bytes(24), at: now)
            } catch {
                client.handleDisconnected(error.detail, at: now)
            }
        case .startTLS(let name, let verifies, _):
            do {
                tls = try TLSClient(TLSClientSettings(serverName: name, verification: verifies ? .system : .none))
                isTLSReported = false
            } catch {
                client.handleTLSFailed("\(error)", at: now)
            }
            flushTLS()
        case .closeConnection:
            close()
        }
    }

    private func note(_ event: XMPPEvent) {
        switch event {
        case .online:
            failure = nil
            hasLoggedIn = true
        case .iqResult(let id, let outcome): answers[id] = outcome
        case .occupant(let room, let nickname, let presence):
            let address = "\(room)/\(nickname)"
            let isBridge = Self.isBridge(presence)
            if bridge == nil, isBridge, door.bridge == nil || door.bridge == nickname { bridge = address }
            if address == bridge { isBridgeThere = isBridge }
        case .disconnected(.loginRefused(let condition), _):
            failure = "the server refused the login of \(door.user); check --user and --password (\(condition))"
        case .disconnected(let reason, _):
            failure = reason.message + (reason.detail.map { " (\($0))" } ?? "")
        case .left(let room, let departure):
            isBridgeThere = false
            switch departure {
            case .sessionEnded: break
            case .refused(let condition): failure = "\(room) does not let \(door.nick) in (\(condition))"
            default: failure = "\(room): \(departure.message)"
            }
        default: break
        }
    }

    /// Whether an occupant's presence is that of a bridge.
    static func isBridge(_ presence: XMLElement) -> Bool {
        presence["type"] != "unavailable" && presence.child("stats", statistics) != nil
    }

    private func write(_ bytes: [UInt8]) {
        guard tls != nil else {
            send(bytes)
            return
        }
        tls?.write(plaintext: bytes)
        flushTLS()
    }

    private func flushTLS() {
        while let bytes = tls?.pollCiphertext() { send(bytes) }
    }

    /// A connection that takes no more is noticed as ended by the next read.
    private func send(_ bytes: [UInt8]) {
        do throws(LoadError) { try connection?.write(bytes) } catch { connection?.hangUp() }
    }

    private func end(_ reason: String, at now: Timestamp) {
        close()
        client.handleDisconnected(reason, at: now)
    }

    private func close() {
        connection = nil
        tls = nil
        isTLSReported = false
    }
}
