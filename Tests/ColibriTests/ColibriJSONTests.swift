// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Primitives
import Testing

@Suite("Colibri2 JSON")
struct ColibriJSONTests {
    @Test("the documented form of a request is read")
    func request() throws {
        let text = """
            {"meeting-id":"m","name":"r@c.example.net","create":true,"endpoints":[{"id":"e","create":true,
             "stats-id":"Ada","capabilities":["source-names"],
             "medias":[{"type":"audio","payload-types":[{"id":"111","name":"opus","clockrate":48000,"channels":2,
               "parameters":{"minptime":10},"rtcp-fbs":[{"type":"transport-cc"}]}],
               "rtp-hdrexts":[{"id":1,"uri":"urn:ietf:params:rtp-hdrext:ssrc-audio-level"}],"extmap-allow-mixed":true}],
             "transport":{"ice-controlling":true,"transport":{"xmlns":"urn:xmpp:jingle:transports:ice-udp:1",
               "ufrag":"u","pwd":"p","rtcp-mux":true,"candidates":[],"web-sockets":["wss://x"],
               "fingerprints":[{"fingerprint":"0A:1B","hash":"sha-256","setup":"active"}]}},
             "sources":[{"type":"video","id":"e-v0","sources":[7,{"ssrc":4294967295,"name":"e-v0"}],
               "ssrc-groups":[{"semantics":"FID","sources":[7,4294967295]}]}],
             "force-mute":{"audio":true},"initial-last-n":{"value":3}}],
             "connects":[{"url":"wss://y","audio":true,"headers":{"A":"b"},"ping":{"interval":1,"timeout":2}}]}
            """
        let request = try ConferenceModify(json: JSONValue.parse(Array(text.utf8)))
        let endpoint = try #require(request.endpoints.first)
        #expect(request.isCreate && endpoint.isCreate)
        #expect(endpoint.media[0].payloadTypes[0].id == 111)
        #expect(endpoint.media[0].payloadTypes[0].parameter("minptime") == "10")
        #expect(endpoint.media[0].allowsMixedExtensions)
        #expect(endpoint.transport?.iceUDP?.fingerprints.first?.text == "0A:1B")
        #expect(endpoint.transport?.iceUDP?.webSockets == ["wss://x"])
        #expect(endpoint.sources?[0].ssrcs.map(\.ssrc) == [7, .max])
        #expect(endpoint.sources?[0].groups[0].ssrcs == [7, .max])
        #expect(endpoint.forceMute == ForceMute(audio: true))
        #expect(endpoint.initialLastN == 3)
        #expect(request.connects?[0].headers == [ConnectHeader(name: "A", value: "b")])
    }

    @Test("a PATCH takes the meeting from its path")
    func patch() throws {
        let json = try JSONValue.parse(Array(#"{"expire":true,"meeting-id":"other"}"#.utf8))
        let request = try ConferenceModify(json: json, meetingID: "m")
        #expect(request.meetingID == "m")
        #expect(request.isExpire)
    }

    @Test("a source without a name is written as a bare number")
    func bareNumber() {
        var source = MediaSourceDescription(kind: .audio, id: "a")
        source.ssrcs = [SSRCDescription(ssrc: 9), SSRCDescription(ssrc: 8, name: "a")]
        var answer = ConferenceModified()
        answer.sources = [source]
        #expect(answer.json.text == #"{"sources":[{"type":"audio","id":"a","sources":[9,{"ssrc":8,"name":"a"}]}]}"#)
    }

    @Test(
        "a body that is no request is a bad request that names the trouble",
        arguments: [
            ("[]", "object"), ("{}", "meeting-id"), (#"{"meeting-id":"m","endpoints":{}}"#, "endpoints"),
            (#"{"meeting-id":"m","endpoints":[{}]}"#, "id"), (#"{"meeting-id":"m","create":"maybe"}"#, "create"),
        ]
    )
    func refusals(text: String, word: String) throws {
        let json = try JSONValue.parse(Array(text.utf8))
        let error = #expect(throws: ColibriError.self) { try ConferenceModify(json: json) }
        #expect(error?.condition == .badRequest)
        #expect(error?.text?.contains(word) == true)
    }
}
