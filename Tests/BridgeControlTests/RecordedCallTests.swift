// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Primitives
import ShardMessages
import Testing
import XML

/// Replays a call between Jicofo and the original bridge and compares each of our answers with the recorded one.
@Suite("Recorded call of three")
struct RecordedCallTests {
    /// Attributes whose values must be the recorded ones, not only there: ids that are echoed and constants.
    private static let comparedValues: Set<String> = [
        "component", "expire", "foundation", "generation", "hash", "ice-generation", "id of endpoint",
        "id of media-source", "name", "network", "priority", "protocol", "role", "setup", "type",
    ]

    /// One line per element in document order: path, namespace and attributes.
    static func lines(_ element: XMLElement, path: String = "") -> [String] {
        let attributes = element.attributes.sorted { $0.name < $1.name }.map { attribute in
            let isCompared =
                comparedValues.contains(attribute.name)
                || comparedValues.contains("\(attribute.name) of \(element.name)")
            return isCompared ? "\(attribute.name)=\(attribute.value)" : attribute.name
        }
        let here = path + element.name
        let line = "\(here){\(element.namespace)} \(attributes.joined(separator: " "))"
        return [line] + element.elements.flatMap { lines($0, path: here + "/") }
    }

    private struct Exchange {
        let request: XMLElement
        let recorded: XMLElement
    }

    /// The Colibri2 requests in order, each with its recorded answer's payload.
    private func exchanges() throws -> [Exchange] {
        let recording = try Recording.load()
        return try recording.stanzas.filter(\.isToBridge).compactMap { stanza in
            guard let request = stanza.element.elements.first, ConferenceModify.matches(request) else { return nil }
            let answer = try #require(
                recording.stanzas.first { !$0.isToBridge && $0.element["id"] == stanza.element["id"] }?.element
            )
            #expect(answer["type"] == "result")
            return Exchange(request: request, recorded: try #require(answer.elements.first))
        }
    }

    /// The address in an answer without what is the bridge's own: domain, conference and password.
    private static func addressForm(_ answer: XMLElement) -> String? {
        func first(_ element: XMLElement) -> XMLElement? {
            if element.name == "web-socket" { return element }
            return element.elements.lazy.compactMap { first($0) }.first
        }
        guard let url = first(answer)?["url"] else { return nil }
        return url.replacing(/^wss?:\/\/[^\/]+/, with: "ws")
            .replacing(/\/[0-9a-f]{1,16}\//, with: "/C/", maxReplacements: 1)
            .replacing(/pwd=[A-Za-z0-9]{24}$/, with: "pwd=P")
    }

    @Test("T36: every answer has the recorded structure")
    func structure() throws {
        var bridge = TestBridge { $0.webSocketPrefixes = ["ws://bridge.example.net:9090/colibri-ws/jvb1/"] }
        var addresses = 0
        let exchanges = try exchanges()
        #expect(exchanges.count == 9)
        for exchange in exchanges {
            let answer = try bridge.ask(ConferenceModify(exchange.request))
            // What is compared has been on the wire.
            let ours = Self.lines(try XMLDocument.parse(answer.xmlElement.serialized()))
            let recorded = Self.lines(exchange.recorded)
            for change in ours.difference(from: recorded) {
                switch change {
                case .insert(_, let line, _): Issue.record("only ours has \(line)")
                case .remove(_, let line, _): Issue.record("only the recording has \(line)")
                }
            }
            let form = Self.addressForm(exchange.recorded)
            #expect(Self.addressForm(answer.xmlElement) == form)
            if let form, form.hasPrefix("ws/colibri-ws/"), form.hasSuffix("?pwd=P") { addresses += 1 }
        }
        #expect(addresses == 3)
        #expect(bridge.worker.conferences.isEmpty)
        #expect(bridge.directory.counts.totalConferencesCompleted == 1)
        #expect(bridge.directory.counts.totalEndpoints == 3)
    }

    @Test("the recorded pipelining gives the same answers when nothing is read in between")
    func pipelined() throws {
        let exchanges = try exchanges()
        var stepwise = TestBridge()
        let expected = try exchanges.map { try stepwise.ask(ConferenceModify($0.request)) }
        var bridge = TestBridge()
        bridge.isWorkerSilent = true
        for exchange in exchanges { bridge.post(try ConferenceModify(exchange.request)) }
        for _ in exchanges {
            bridge.settle()
            bridge.runWorker()
        }
        bridge.settle()
        #expect(bridge.replies.map(\.token) == (1...9).map { UInt64($0) })
        #expect(try bridge.replies.map { try $0.result.get() } == expected)
    }

    @Test("the feedback sources stay the same through the call, user fragments differ")
    func feedbackSources() throws {
        var bridge = TestBridge()
        let answers = try exchanges().map { try bridge.ask(ConferenceModify($0.request)) }
        #expect(Set(answers.compactMap(\.sources)).count == 1)
        #expect(Set(answers.compactMap { $0.endpoints.first?.transport?.iceUDP?.ufrag }).count == 3)
        #expect(answers.count { $0.sources != nil } == 3)
    }

    @Test("the worker is told Chromium's media, layers from low to high and their retransmissions")
    func workerSide() throws {
        var bridge = TestBridge()
        for exchange in try exchanges() { _ = try bridge.ask(ConferenceModify(exchange.request)) }
        let operations = bridge.worker.requests.flatMap(\.operations)
        let creations: [EndpointCreation] = operations.compactMap {
            if case .createEndpoint(let creation) = $0 { creation } else { nil }
        }
        #expect(creations.map(\.id) == ["78ab18e5", "c3644887", "030fe89d"])
        let first = try #require(creations.first)
        #expect(first.isICEControlling)
        #expect(first.media.sources == [])
        #expect(first.remote == nil)
        #expect(first.media.allowsMixedExtensions == true)
        let vp8 = try #require(first.media.payloadTypes.first { $0.codec == .vp8 })
        #expect(vp8.number == 100 && vp8.clockRate == 90_000)
        #expect(vp8.hasFIR && vp8.hasNACK && vp8.hasPLI && vp8.hasTransportCC && !vp8.hasREMB)
        #expect(first.media.payloadTypes.filter { $0.codec == .rtx }.map(\.associated) == [41, 100, 101, 107])
        #expect(first.media.payloadTypes.filter { $0.codec.mediaType == .audio }.map(\.number) == [111, 126])
        #expect(
            Set(first.media.headerExtensions.map(\.kind)) == [
                .dependencyDescriptor, .mid, .absoluteSendTime, .transportWideCC, .audioLevel,
            ]
        )
        let updates: [(EndpointMedia, RemoteTransport?)] = operations.compactMap {
            if case .updateEndpoint(_, let media, let remote) = $0 { (media, remote) } else { nil }
        }
        let (media, remote) = try #require(updates.first)
        #expect(remote?.credentials?.ufrag == "Q/L5")
        #expect(remote?.fingerprints.first?.digest.count == 32)
        #expect(remote?.setup == .active)
        #expect(
            media.sources == [
                SourceDescription(
                    name: "78ab18e5-a0", mediaType: .audio, streams: [SourceStreamDescription(ssrc: 4_205_122_166)]
                ),
                SourceDescription(
                    name: "78ab18e5-v0", mediaType: .video,
                    streams: [
                        SourceStreamDescription(ssrc: 2_482_115_500, rtxSSRC: 3_297_495_597),
                        SourceStreamDescription(ssrc: 93_323_548, rtxSSRC: 526_552_729),
                        SourceStreamDescription(ssrc: 3_067_051_722, rtxSSRC: 3_191_145_944),
                    ]
                ),
            ]
        )
    }

    @Test("the same call over HTTP's JSON gives the same answers")
    func overJSON() throws {
        var overXML = TestBridge()
        var overJSON = TestBridge()
        for exchange in try exchanges() {
            let request = try ConferenceModify(exchange.request)
            let answer = try overXML.ask(request)
            let body = try JSONValue.parse(request.json.serialized())
            let other = try overJSON.ask(ConferenceModify(json: body))
            #expect(try ConferenceModified(json: JSONValue.parse(other.json.serialized())) == answer)
        }
    }
}
