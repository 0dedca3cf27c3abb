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
    private var client: XMPPClient
    private var connection: TCPConnection?
    private var tls: TLSClient?
    private var isTLSReported = false
    /// The bridge's address in the room.
    private var bridge: String?
    private var answers: [String: IQOutcome] = [:]
    private var failure: String?
    private static let statistics = "http://jitsi.org/protocol/colibri"

    /// Logs in and waits for a bridge to show up in the room.
    init(_ door: LoadOptions.XMPPDoor) throws(LoadError) {
        self.door = door
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
        let deadline = now + .seconds(20 as Int64)
        while bridge == nil {
            guard MonotonicClock.now() < deadline else {
                throw .connection(failure ?? "no bridge with statistics appeared in \(door.room)")
            }
            try step()
        }
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        let request = FocusRequest.create(endpoint: participant.endpoint, newConference: newConference)
        guard let answer = try send(request, participant.conference) else { throw .badAnswer("empty result") }
        return try ColibriXML.transport(of: participant.endpoint, in: answer)
    }

    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError) {
        _ = try send(.update(endpoint: participant.endpoint, transport, participant.sources), participant.conference)
    }

    func expire(_ conference: PlannedConference) throws(LoadError) {
        _ = try send(.expireConference, conference)
    }

    func idle() throws(LoadError) {
        try step(longest: 0)
    }

    private func send(_ request: FocusRequest, _ conference: PlannedConference) throws(LoadError) -> XMLElement? {
        let payload = ColibriXML.element(request, meeting: conference.meeting, name: conference.name)
        let now = MonotonicClock.now()
        let id = client.sendIQ(type: .get, to: bridge, payload: payload, at: now)
        try settle()
        let deadline = now + .seconds(20 as Int64)
        while true {  // Ends: the answer or the deadline comes.
            if let outcome = answers.removeValue(forKey: id) {
                switch outcome {
                case .result(let element): return element
                case .error(let error): throw .refused("\(error.condition.rawValue) \(error.text)")
                case .timeout: throw .connection("the bridge does not answer")
                case .disconnected: throw .connection(failure ?? "the XMPP connection ended")
                }
            }
            guard MonotonicClock.now() < deadline else { throw .connection("the bridge does not answer") }
            try step()
        }
    }

    /// Waits for the next bytes or the client's next deadline and deals with it.
    private func step(longest milliseconds: Int64 = 50) throws(LoadError) {
        var now = MonotonicClock.now()
        if let due = client.nextTimeout, due <= now {
            client.handleTimeout(at: now)
            try settle()
        }
        guard let connection else {
            // Between two attempts to connect.
            sleepMilliseconds(min(milliseconds, 20))
            return
        }
        now = MonotonicClock.now()
        let untilDue = client.nextTimeout.map { max(($0 - now).milliseconds, 0) } ?? milliseconds
        guard connection.waitReadable(milliseconds: Int32(min(milliseconds, untilDue))) else { return }
        let bytes = try connection.read()
        now = MonotonicClock.now()
        if bytes.isEmpty {
            end("closed by the server", at: now)
        } else if tls != nil {
            tls?.handle(ciphertext: bytes)
            try advanceTLS(at: now)
        } else {
            client.handle(bytes.rawSpan, at: now)
        }
        try settle()
    }

    private func advanceTLS(at now: Timestamp) throws(LoadError) {
        try flushTLS()
        if case .connected? = tls?.state, !isTLSReported {
            isTLSReported = true
            client.handleTLSEstablished(at: now)
            try settle()
        }
        while let plaintext = tls?.pollPlaintext() {
            client.handle(plaintext.rawSpan, at: now)
            try settle()
        }
        if case .failed(let reason)? = tls?.state {
            close()
            client.handleTLSFailed(reason, at: now)
        }
    }

    /// Does what the client asks and notes what it tells.
    private func settle() throws(LoadError) {
        var isBusy = true
        // Ends because every round takes something out that only new input can add to.
        while isBusy {
            isBusy = false
            while let bytes = client.pollBytes() { try write(bytes) }
            if let action = client.pollAction() {
                try perform(action)
                isBusy = true
            }
            if let event = client.pollEvent() {
                note(event)
                isBusy = true
            }
        }
    }

    private func perform(_ action: XMPPAction) throws(LoadError) {
        let now = MonotonicClock.now()
        switch action {
        case .openConnection(let host, let port):
            do throws(LoadError) {
                connection = try TCPConnection(host: host, port: port)
                client.handleConnected(nonce: SecureRandom.bytes(24), at: now)
            } catch {
                client.handleDisconnected("\(error)", at: now)
            }
        case .startTLS(let name, let verifies, _):
            do {
                tls = try TLSClient(TLSClientSettings(serverName: name, verification: verifies ? .system : .none))
                isTLSReported = false
            } catch {
                client.handleTLSFailed("\(error)", at: now)
            }
            try flushTLS()
        case .closeConnection:
            close()
        }
    }

    private func note(_ event: XMPPEvent) {
        switch event {
        case .iqResult(let id, let outcome): answers[id] = outcome
        case .occupant(let room, let nickname, let presence):
            guard presence["type"] != "unavailable", presence.child("stats", Self.statistics) != nil else { return }
            if bridge == nil, door.bridge == nil || door.bridge == nickname { bridge = "\(room)/\(nickname)" }
        case .disconnected(let reason, _):
            failure = reason.message + (reason.detail.map { " (\($0))" } ?? "")
        case .left(_, let departure):
            failure = departure.message
        default: break
        }
    }

    private func write(_ bytes: [UInt8]) throws(LoadError) {
        guard tls != nil else {
            try connection?.write(bytes)
            return
        }
        tls?.write(plaintext: bytes)
        try flushTLS()
    }

    private func flushTLS() throws(LoadError) {
        while let bytes = tls?.pollCiphertext() { try connection?.write(bytes) }
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
