// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import XML

/// From the stream header to the bound resource (control-plane.md 1.2, RFC 6120 §4–7, XEP-0198).
extension XMPPClient {
    mutating func openStream(at now: Timestamp) {
        parser = XMLStreamParser()
        var domain = ""
        XMLWriter.escapeAttribute(settings.domain, into: &domain)
        write(
            "<?xml version='1.0'?><stream:stream to='\(domain)' version='1.0' xml:lang='en' "
                + "xmlns='\(Namespace.client)' xmlns:stream='\(Namespace.stream)'>")
        enter(.openingStream, at: now)
    }

    private mutating func enter(_ next: Phase, at now: Timestamp) {
        phase = next
        deadline = now + settings.timing.stepTimeout
    }

    mutating func handleStreamOpened(_ root: XMLElement, at now: Timestamp) {
        guard root.isNamed("stream", Namespace.stream) else { return fail(.protocolViolation, at: now) }
    }

    mutating func handleStreamClosed(at now: Timestamp) {
        guard phase != .closing else { return finishClosing(closesConnection: true) }
        fail(.closedByServer, at: now)
    }

    /// Sorts a child of the stream's root.
    mutating func handleElement(_ element: XMLElement, at now: Timestamp) {
        switch (element.name, element.namespace) {
        case ("iq", Namespace.client), ("message", Namespace.client), ("presence", Namespace.client):
            handleStanza(element, at: now)
        case ("features", Namespace.stream): handleFeatures(element, at: now)
        case ("error", Namespace.stream):
            let condition = element.elements.first { $0.namespace == Namespace.streamErrors && $0.name != "text" }
            fail(.streamError(condition?.name ?? "undefined-condition"), at: now)
        case (_, Namespace.tls): handleTLS(element, at: now)
        case (_, Namespace.sasl): handleSASL(element, at: now)
        case (_, Namespace.streamManagement): handleManagement(element, at: now)
        default: break
        }
    }

    private mutating func handleFeatures(_ features: XMLElement, at now: Timestamp) {
        guard phase == .openingStream else { return }
        guard isAuthenticated else { return secureOrAuthenticate(features, at: now) }
        let isManaged = features.child("sm", Namespace.streamManagement) != nil
        if hasSession, isManaged, management.canResume, let id = management.resumptionID {
            var resume = XMLElement("resume", Namespace.streamManagement)
            resume["h"] = String(management.received)
            resume["previd"] = id
            write(resume.serialized())
            enter(.resuming, at: now)
        } else {
            bind(at: now)
        }
        offersManagement = isManaged
    }

    private mutating func secureOrAuthenticate(_ features: XMLElement, at now: Timestamp) {
        if !isEncrypted, settings.security != .disabled {
            if features.child("starttls", Namespace.tls) != nil {
                write("<starttls xmlns='\(Namespace.tls)'/>")
                return enter(.awaitingProceed, at: now)
            }
            guard settings.security == .ifPossible else { return fail(.tlsNotOffered, at: now) }
        }
        let offered = features.child("mechanisms", Namespace.sasl)?.children("mechanism", Namespace.sasl)
        let chosen = SASLExchange(
            offered: offered?.map { $0.text } ?? [], isEncrypted: isEncrypted, username: settings.username,
            password: settings.password, nonce: nonce)
        guard let chosen else { return fail(.noMechanism, at: now) }
        exchange = chosen
        let auth = XMLElement(
            "auth", Namespace.sasl, attributes: ["mechanism": chosen.mechanism.rawValue], text: chosen.initialResponse)
        write(auth.serialized())
        enter(.authenticating, at: now)
    }

    private mutating func handleTLS(_ element: XMLElement, at now: Timestamp) {
        guard phase == .awaitingProceed else { return }
        guard element.name == "proceed" else { return fail(.tlsFailed("refused by the server"), at: now) }
        parser = XMLStreamParser()
        enter(.handshaking, at: now)
        perform(
            .startTLS(
                serverName: settings.domain, verifiesCertificate: settings.verifiesCertificate,
                authoritiesFile: settings.authoritiesFile))
    }

    private mutating func handleSASL(_ element: XMLElement, at now: Timestamp) {
        guard phase == .authenticating, exchange != nil else { return }
        switch element.name {
        case "challenge":
            do throws(SCRAM.Failure) {
                let answer = try exchange?.answer(element.text) ?? ""
                write(XMLElement("response", Namespace.sasl, text: answer).serialized())
            } catch {
                fail(error.disconnect, at: now)
            }
        case "success":
            do throws(SCRAM.Failure) {
                try exchange?.finish(element.text)
                exchange = nil
                isAuthenticated = true
                openStream(at: now)
            } catch {
                fail(error.disconnect, at: now)
            }
        case "failure":
            let condition = element.elements.first { $0.name != "text" }
            fail(.loginRefused(condition?.name ?? "not-authorized"), at: now)
        default: break
        }
    }

    private mutating func bind(at now: Timestamp) {
        endSession(at: now)
        let id = makeID()
        let resource = XMLElement("resource", Namespace.bind, text: settings.resource)
        let iq = XMLElement(
            "iq", Namespace.client, attributes: ["type": "set", "id": id],
            children: [XMLElement("bind", Namespace.bind, children: [resource])])
        write(iq.serialized(inside: Namespace.client))
        enter(.binding(id: id), at: now)
    }

    /// Takes the answer to our bind request; everything else that comes meanwhile is ignored.
    mutating func handleBinding(_ stanza: XMLElement, id: String, at now: Timestamp) {
        guard stanza.name == "iq", stanza["id"] == id else { return }
        guard stanza["type"] == "result", let bind = stanza.child("bind", Namespace.bind) else {
            return fail(.bindRefused(StanzaError(of: stanza).condition.rawValue), at: now)
        }
        boundJID = bind.child("jid", Namespace.bind)?.text ?? ""
        guard !boundJID.isEmpty else { return fail(.protocolViolation, at: now) }
        session &+= 1
        hasSession = true
        guard offersManagement else { return goOnline(isResumed: false, at: now) }
        write("<enable xmlns='\(Namespace.streamManagement)' resume='true'/>")
        enter(.enabling, at: now)
    }

    private mutating func handleManagement(_ element: XMLElement, at now: Timestamp) {
        switch (element.name, phase) {
        case ("enabled", .enabling):
            let resumes = element["resume"] == "true" || element["resume"] == "1"
            management.enable(resumptionID: resumes ? element["id"] : nil)
            goOnline(isResumed: false, at: now)
        case ("failed", .enabling):
            goOnline(isResumed: false, at: now)
        case ("resumed", .resuming):
            // XEP-0198 §5: what the server has not counted is sent again, in order.
            guard let count = element["h"].flatMap({ UInt32($0) }), management.acknowledge(count) != nil else {
                endSession(at: now)
                return fail(.protocolViolation, at: now)
            }
            counters.resumptions += 1
            goOnline(isResumed: true, at: now)
        case ("failed", .resuming):
            bind(at: now)
        case ("r", .online):
            write("<a xmlns='\(Namespace.streamManagement)' h='\(management.received)'/>")
        case ("a", .online):
            guard let count = element["h"].flatMap({ UInt32($0) }), let asks = management.acknowledge(count) else {
                endSession(at: now)
                return fail(.protocolViolation, at: now)
            }
            if asks { askForAcknowledgement() }
        default: break
        }
    }

    mutating func askForAcknowledgement() {
        write("<r xmlns='\(Namespace.streamManagement)'/>")
    }

    private mutating func goOnline(isResumed: Bool, at now: Timestamp) {
        phase = .online
        deadline = .distantFuture
        hasBeenOnline = true
        failuresInARow = 0
        tell(.online(jid: boundJID, isResumed: isResumed, isEncrypted: isEncrypted))
        if isResumed {
            for stanza in management.unacknowledged { write(stanza) }
            if management.isAwaitingAcknowledgement { askForAcknowledgement() }
            publish(at: now)
        } else {
            send(XMLElement("presence", Namespace.client))
        }
        nextPresence = now + settings.timing.presenceInterval
        updateRooms(at: now)
    }
}

extension SCRAM.Failure {
    /// What the failure means for the connection.
    var disconnect: XMPPDisconnect {
        switch self {
        case .malformed, .tooManyIterations: .protocolViolation
        case .wrongServerSignature: .serverNotAuthenticated
        case .refused: .loginRefused("not-authorized")
        }
    }
}
