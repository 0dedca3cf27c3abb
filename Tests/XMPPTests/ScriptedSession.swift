// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import XML

@testable import XMPP

/// A client whose server is the test: it plays the server's lines and sees what comes out, in virtual time.
final class ScriptedSession {
    var client: XMPPClient
    var now = Timestamp.zero
    /// Everything written since the last look.
    private var written = ""
    var actions: [XMPPAction] = []
    var events: [XMPPEvent] = []

    static let room = "brewery@muc.example.net"
    static let own = room + "/via-1"
    static let jid = "jvb@auth.example.net/via-1-0"
    static let features = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>"
    static let header =
        "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' "
        + "from='auth.example.net' id='s' version='1.0'>"
    static let stats: [(name: String, value: String)] = [
        ("healthy", "true"), ("drain", "false"), ("stress_level", "0.1"),
    ]

    init(_ seed: UInt64 = 1, _ change: (inout XMPPSettings) -> Void = { _ in }) {
        var settings = XMPPSettings(
            id: "shard0", host: "xmpp.example.net", domain: "auth.example.net", username: "jvb", password: "secret",
            rooms: ["Brewery@muc.example.net"], nickname: "via-1")
        settings.handledPayloads = [PayloadName("conference-modify", "jitsi:colibri2")]
        change(&settings)
        client = XMPPClient(settings, random: Random(seed: seed), at: now)
    }

    // What tests look at; expectations cannot take a noncopyable client itself.
    var isOnline: Bool { client.isOnline }
    var isClosed: Bool { client.isClosed }
    var isAuthenticated: Bool { client.isAuthenticated }
    var joinedRooms: Int { client.joinedRooms }
    var counters: XMPPCounters { client.counters }
    var phase: XMPPClient.Phase { client.phase }
    var nextTimeout: Timestamp? { client.nextTimeout }

    func reply(to token: IQToken, with result: XMLElement?, at now: Timestamp) -> Bool {
        client.reply(to: token, with: result, at: now)
    }

    /// Collects the outputs, as the law of cores demands after each input.
    func drain() {
        while let bytes = client.pollBytes() { written += String(decoding: bytes, as: UTF8.self) }
        while let action = client.pollAction() { actions.append(action) }
        while let event = client.pollEvent() { events.append(event) }
    }

    /// What was written since the last call.
    func takeWritten() -> String {
        defer { written = "" }
        return written
    }

    /// What happened since the last call.
    func takeEvents() -> [XMPPEvent] {
        defer { events = [] }
        return events
    }

    func takeActions() -> [XMPPAction] {
        defer { actions = [] }
        return actions
    }

    /// The server says this.
    func server(_ text: String) {
        client.handle(Array(text.utf8).rawSpan, at: now)
        drain()
    }

    /// Lets time pass, calling the client whenever it asks.
    func advance(_ delta: TimeDelta) {
        let end = now + delta
        while let next = client.nextTimeout, next <= end {
            now = max(now, next)
            client.handleTimeout(at: now)
            drain()
        }
        now = end
    }

    func advance(seconds: Int64) { advance(.seconds(seconds)) }

    func connect() {
        advance(.zero)
        client.handleConnected(nonce: [UInt8](repeating: 7, count: 18), at: now)
        drain()
    }

    /// Up to the features after the login, over TLS with PLAIN.
    func logIn() {
        connect()
        server(Self.header + Self.features + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
        server("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        client.handleTLSEstablished(at: now)
        drain()
        server(Self.header + Self.features + mechanisms("PLAIN") + "</stream:features>")
        server("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    }

    func mechanisms(_ names: String...) -> String {
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
            + names.map { "<mechanism>\($0)</mechanism>" }.joined() + "</mechanisms>"
    }

    /// Binds; with stream management when `resumptionID` is given.
    func bind(resumptionID: String? = nil) {
        let sm = resumptionID == nil ? "" : "<sm xmlns='urn:xmpp:sm:3'/>"
        server(
            Self.header + Self.features + "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" + sm + "</stream:features>"
        )
        answerBind(resumptionID: resumptionID)
    }

    func answerBind(resumptionID: String? = nil) {
        let id = Self.attribute("id", of: takeWritten()) ?? "?"
        server(
            "<iq type='result' id='\(id)'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>\(Self.jid)</jid></bind></iq>"
        )
        if let resumptionID {
            server("<enabled xmlns='urn:xmpp:sm:3' resume='true' id='\(resumptionID)'/>")
        }
    }

    /// The room lets us in.
    func join(statuses: [Int] = [110], items: [String] = [ScriptedSession.jid]) {
        server(ownPresence(statuses: statuses, items: items))
    }

    func ownPresence(type: String? = nil, statuses: [Int] = [110], items: [String] = [], more: String = "") -> String {
        "<presence from='\(Self.own)' to='\(Self.jid)'" + (type.map { " type='\($0)'" } ?? "")
            + "><x xmlns='http://jabber.org/protocol/muc#user'>" + statuses.map { "<status code='\($0)'/>" }.joined()
            + items.map { "<item jid='\($0)' affiliation='none' role='participant'/>" }.joined() + more
            + "</x></presence>"
    }

    /// Logged in, in the room, nothing left to read.
    func goOnline(resumptionID: String? = nil) {
        client.setStatistics(Self.stats, at: now)
        logIn()
        _ = takeWritten()
        bind(resumptionID: resumptionID)
        join()
        _ = takeWritten()
        _ = takeEvents()
        _ = takeActions()
    }

    /// The value of the first attribute of that name in `text`.
    static func attribute(_ name: String, of text: String) -> String? {
        guard let start = text.range(of: " \(name)='") else { return nil }
        return text[start.upperBound...].split(separator: "'", omittingEmptySubsequences: false).first.map(String.init)
    }
}

extension String {
    /// Where `other` stands first.
    func range(of other: String) -> Range<String.Index>? { ranges(of: other).first }
}
