// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Foundation
import Primitives
import Testing
import XML

@testable import LoadGenerator

/// The generator beside the original programs, as recorded in `Tests/Vectors/colibri2`: it asks what Jicofo asks, in
/// the same words and order, and reads what the original bridge answers.
@Suite("Beside Jicofo and the original bridge")
struct RecordedFocusTests {
    private struct Stanza {
        var isToBridge: Bool
        var element: XMLElement
        var payload: XMLElement? { element.elements.first }
    }

    private let recording: [Stanza]

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Vectors/colibri2/one-bridge-three-participants.jsonl")
        recording = try [UInt8](Data(contentsOf: file)).split(separator: 0x0A).compactMap { line in
            let json = try JSONValue.parse(Array(line))
            guard let xml = json["xml"]?.stringValue else { return nil }
            return Stanza(
                isToBridge: json["direction"]?.stringValue == "to-bridge", element: try XMLDocument.parse(xml))
        }
    }

    /// Jicofo's requests that `isMeant` picks.
    private func requests(_ isMeant: (XMLElement) -> Bool) -> [XMLElement] {
        recording.filter(\.isToBridge).compactMap(\.payload).filter {
            $0.isNamed("conference-modify", "jitsi:colibri2") && isMeant($0)
        }
    }

    private func endpoint(_ request: XMLElement) -> XMLElement? { request.child("endpoint", "jitsi:colibri2") }

    /// One line per element in document order, with all that the words of a request are; what differs from call to
    /// call (names, numbers, secrets) is masked.
    private func lines(_ element: XMLElement, endpoint: String, path: String = "") -> [String] {
        let masked: Set<String> = ["meeting-id", "ufrag", "pwd", "ssrc", "stats-id"]
        let attributes = element.attributes.filter { $0.namespace.isEmpty }.sorted { $0.name < $1.name }.map {
            let isSecret = masked.contains($0.name) || (element.name == "conference-modify" && $0.name == "name")
            let value = isSecret ? "…" : $0.value.replacing(endpoint, with: "ENDPOINT")
            return " \($0.name)=\(value)"
        }
        let here = path + element.name
        return ["\(here){\(element.namespace)}\(attributes.joined())"]
            + element.elements.flatMap { lines($0, endpoint: endpoint, path: here + "/") }
    }

    /// The first line of `ours` that does not follow in `theirs`; `nil` when ours is theirs with lines left out.
    private func stranger(_ ours: [String], in theirs: [String]) -> String? {
        var rest = theirs[...]
        for line in ours {
            guard let place = rest.firstIndex(of: line) else { return line }
            rest = rest[(place + 1)...]
        }
        return nil
    }

    private let local = ParticipantTransport(
        ufrag: "abcd", password: "abcdefghijklmnopqrstuv", fingerprint: [UInt8](0..<32), setup: "active")
    private let sources = [
        SignalledSource(name: "a1b2c3d4-a0", isVideo: false, ssrc: 1),
        SignalledSource(name: "a1b2c3d4-v0", isVideo: true, ssrc: 2),
    ]
    private let name = "room@conference.load.invalid"

    private func ours(_ request: FocusRequest) -> XMLElement {
        ColibriXML.element(request, meeting: "meeting", name: name)
    }

    @Test("creating an endpoint is Jicofo's request, less the codecs that the generator does not have")
    func create() throws {
        let ours = ours(.create(endpoint: "a1b2c3d4", newConference: false, sctp: false))
        // Jicofo's order of audio and video varies.
        let creates = requests { request in
            guard let endpoint = endpoint(request), endpoint["create"] == "true" else { return false }
            return endpoint.elements.first?["type"] == "audio"
        }
        let request = try #require(creates.first)
        let theirs = lines(request, endpoint: try #require(endpoint(request)?["id"]))
        #expect(stranger(lines(ours, endpoint: "a1b2c3d4"), in: theirs) == nil)
        #expect(lines(ours, endpoint: "a1b2c3d4").count > 20)
    }

    @Test("creating a conference adds its name and nothing that Jicofo does not send")
    func createConference() throws {
        let ours = ours(.create(endpoint: "a1b2c3d4", newConference: true, sctp: false))
        let creates = requests { $0["create"] == "true" }
        let theirs = try #require(creates.first)
        let known = Dictionary(uniqueKeysWithValues: theirs.attributes.map { ($0.name, $0.value) })
        for attribute in ours.attributes { #expect(known[attribute.name] != nil, "\(attribute.name)") }
        #expect(ours["create"] == "true" && ours["name"] == name)
        #expect(
            ours.elements == self.ours(.create(endpoint: "a1b2c3d4", newConference: false, sctp: false)).elements)
    }

    @Test("accepting a session is Jicofo's request, with one layer and without retransmission")
    func update() throws {
        let ours = ours(.update(endpoint: "a1b2c3d4", local, sources))
        let updates = requests { request in
            endpoint(request).map { $0["create"] == nil && $0["expire"] == nil } ?? false
        }
        let accepted = try #require(updates.first)
        let theirs = lines(accepted, endpoint: try #require(endpoint(accepted)?["id"]))
        #expect(stranger(lines(ours, endpoint: "a1b2c3d4"), in: theirs) == nil)
        let leftOut = theirs.filter { !lines(ours, endpoint: "a1b2c3d4").contains($0) }
        #expect(leftOut.allSatisfy { $0.contains("traceparent") || $0.contains("ssrc-group") })
    }

    @Test("ending a conference is Jicofo's request")
    func expire() throws {
        let expires = requests { $0["expire"] == "true" }
        let theirs = try #require(expires.first)
        #expect(stranger(lines(ours(.expireConference), endpoint: "-"), in: lines(theirs, endpoint: "-")) == nil)
    }

    @Test("the JSON form means the same as the XML form, to a decoder that is not the generator's")
    func forms() throws {
        let all: [FocusRequest] = [
            .create(endpoint: "a1b2c3d4", newConference: true, sctp: false),
            .create(endpoint: "a1b2c3d4", newConference: false, sctp: false),
            .update(endpoint: "a1b2c3d4", local, sources), .expireConference,
        ]
        for request in all {
            let json = ColibriJSON.body(request, meeting: "meeting", name: name)
            #expect(try ConferenceModify(json: json) == ConferenceModify(ours(request)))
        }
    }

    @Test("each recorded answer of the original bridge is read")
    func answers() throws {
        let creates = recording.filter { stanza in
            stanza.isToBridge && stanza.payload.flatMap(endpoint)?["create"] == "true"
        }
        #expect(creates.count == 3)
        for create in creates {
            let id = try #require(create.payload.flatMap(endpoint)?["id"])
            let answer = try #require(
                recording.first { !$0.isToBridge && $0.element["id"] == create.element["id"] }?.payload)
            let transport = try ColibriXML.transport(of: id, in: answer)
            #expect(transport.candidates.map(\.address.description) == ["10.99.0.1:10001"])
            #expect(transport.candidates.map(\.priority) == [2_130_706_431])
            #expect(transport.fingerprints.map(\.hash) == ["sha-256"] && transport.fingerprints[0].digest.count == 32)
            #expect(transport.fingerprints[0].setup == "actpass")
            #expect(transport.ufrag.count == 14 && (24...26).contains(transport.password.count))
        }
    }

    /// The original writes the numbers of candidates as texts, those of sources as numbers, and WebSocket addresses.
    @Test("an answer in the original's JSON form is read")
    func answerJSON() throws {
        let text = """
            {"endpoints":[{"id":"79f0273d","transport":{"transport":{"candidates":[
            {"generation":"0","component":"1","protocol":"udp","port":"10000","ip":"192.0.2.4","foundation":"1",
            "id":"5bbb5d5e","priority":"2130706431","type":"host","network":"0"},
            {"generation":"0","rel-port":"10000","component":"1","protocol":"udp","port":"10000","ip":"198.51.100.1",
            "foundation":"2","id":"56f8f898","rel-addr":"192.0.2.4","priority":"1694498815","type":"srflx",
            "network":"0"}],"xmlns":"urn:xmpp:jingle:transports:ice-udp:1","ufrag":"26ant1ioqu7qnr","rtcp-mux":true,
            "pwd":"9q8uj7tg6j4rc4i6ulc1pmsq9","web-sockets":["wss://bridge.test/colibri-ws/a/b/79f0273d?pwd=c"],
            "fingerprints":[{"fingerprint":"F1:05:72:F8","setup":"actpass","hash":"sha-256"}]}}}],
            "sources":[{"sources":[{"ssrc":3191927963,"name":"jvb-a0"}],"id":"jvb-a0","type":"audio"}]}
            """
        let transport = try ColibriJSON.transport(of: "79f0273d", in: try JSONValue.parse(Array(text.utf8)))
        #expect(transport.candidates.map(\.address.description) == ["192.0.2.4:10000", "198.51.100.1:10000"])
        #expect(transport.candidates.map(\.priority) == [2_130_706_431, 1_694_498_815])
        #expect(transport.fingerprints == [.init(hash: "sha-256", digest: [0xF1, 5, 0x72, 0xF8], setup: "actpass")])
    }

    @Test("the original's presence in the brewery shows a bridge, an occupant without statistics does not")
    func presence() throws {
        let presences = recording.map(\.element).filter { $0.name == "presence" && $0["from"] != nil }
        #expect(!presences.isEmpty)
        for presence in presences { #expect(XMPPFocus.isBridge(presence)) }
        var gone = presences[0]
        gone["type"] = "unavailable"
        #expect(!XMPPFocus.isBridge(gone))
        var silent = presences[0]
        silent.children = []
        #expect(!XMPPFocus.isBridge(silent))
    }
}
