// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import Colibri
internal import PacketIO
internal import Primitives
internal import XMPP

// XMPP connections: made from the configuration, logged, their requests handed to the directory.

extension Bridge {
    /// Begins to log in to a server; it never gives up.
    func connect(_ client: XMPPClientSettings, at now: Timestamp) {
        var wanted = XMPPSettings(
            id: client.id, host: client.hostname, domain: client.domain, username: client.username,
            password: client.password, rooms: client.mucJIDs, nickname: client.mucNickname,
            security: SecurityMode(rawValue: client.securityMode.rawValue))
        wanted.port = client.port
        wanted.verifiesCertificate = !client.disablesCertificateVerification
        wanted.authoritiesFile = client.authoritiesFile
        wanted.software = SoftwareVersion(name: "JVB", version: version, operatingSystem: "Linux")
        wanted.handledPayloads = [PayloadName("conference-modify", ColibriNamespace.colibri2)]
        wanted.timing.presenceInterval = settings.presence.interval
        if wanted.security == .disabled {
            log.warning("TLS is switched off for an XMPP server", ["client": client.id])
        }
        let connection = XMPPConnection(wanted, loop: loop, resolver: resolver, at: now)
        connection.onEvent = { [unowned self, unowned connection] event, now in
            self.take(event, from: connection, at: now)
        }
        connection.statistics = { [unowned self] now in self.presence(at: now) }
        connections.append(connection)
        let failure = clock.health.result(at: now).reason
        let values = presence(at: now)
        connection.update(at: now) { client in
            client.healthFailure = failure
            client.setStatistics(values, at: now)
            client.handleTimeout(at: now)
        }
    }

    /// Logs in to one more server. An id that is known is replaced, unless its server and account are the same: then
    /// nothing changes, because scripts post all they know again and again (operations.md Q24).
    /// - Returns: `false` when there are too many already.
    func addClient(_ client: XMPPClientSettings, at now: Timestamp) -> Bool {
        if let present = connections.first(where: { $0.id == client.id }) {
            let settings = present.settings
            let isSame =
                settings.host == client.hostname && settings.port == client.port && settings.domain == client.domain
                && settings.username == client.username
            if isSame { return true }
            _ = removeClient(client.id, at: now)
        }
        guard connections.count < BridgeConfigurationLimits.xmppClients else { return false }
        log.notice("XMPP client added", ["client": client.id])
        connect(client, at: now)
        if shutdown.isDisconnecting { disconnect(at: now) }
        return true
    }

    /// Leaves a server's rooms and closes the stream; conferences stay, they end by themselves.
    /// - Returns: `false` when there is no such client.
    func removeClient(_ id: String, at now: Timestamp) -> Bool {
        guard let index = connections.firstIndex(where: { $0.id == id }) else { return false }
        let connection = connections.remove(at: index)
        log.notice("XMPP client removed", ["client": id])
        leaving.append(connection)
        connection.update(at: now) { $0.close(at: now) }
        return true
    }

    /// Lets go of removed connections whose stream is closed. Not from inside a connection's own call.
    func forgetClosedClients() {
        guard !leaving.isEmpty else { return }
        for connection in leaving where connection.isClosed {
            forgottenCounters += connection.counters
            connection.abandon()
        }
        leaving.removeAll { $0.isClosed }
    }

    private func take(_ event: XMPPEvent, from connection: XMPPConnection, at now: Timestamp) {
        let log = log.with(["client": connection.id])
        switch event {
        case .online(_, let isResumed, let isEncrypted):
            log.notice("Logged in", ["resumed": String(isResumed), "tls": String(isEncrypted)])
            connection.update(at: now) { client in
                client.setWallClock(milliseconds: WallClock.nanosecondsSinceEpoch() / 1_000_000, at: now)
            }
        case .disconnected(let reason, let retry):
            log.log(
                reason == .streamError("conflict") ? .error : .warning, constant: reason.message,
                [
                    "detail": reason.detail,
                    "server": connection.settings.host + ":" + String(connection.settings.port),
                    "retry_ms": String(retry),
                ])
        case .joined(let room):
            log.notice("Joined the brewery", ["room": room])
            publish(at: now)
        case .left(let room, let reason):
            log.log(.warning, constant: reason.message, ["room": room, "detail": reason.detail])
        case .roomConfigured(let room, let isAccepted):
            log.info("Room settings sent", ["room": room, "accepted": String(isAccepted)])
        case .nicknameShared(let room):
            log.error("Another session uses our nickname; is a second bridge configured alike?", ["room": room])
        case .request(let request): handle(request, from: connection, at: now)
        case .closed: log.notice("Logged out")
        case .iqResult, .occupant: break
        }
    }

    private func handle(_ request: IQRequest, from connection: XMPPConnection, at now: Timestamp) {
        do throws(ColibriError) {
            let modify = try ConferenceModify(request.payload)
            let token = replies.token(for: .xmpp(connection, request.token))
            // Operators look for these words. The content is not logged: it holds ICE passwords.
            log.info(
                "RECV colibri2 request",
                ["client": connection.id, "request": String(token.value), "meeting_id": modify.meetingID])
            directory.handle(modify, token: token, at: now)
            settle(at: now)
        } catch {
            connection.reply(.failure(error), to: request.token, at: now)
        }
    }
}
