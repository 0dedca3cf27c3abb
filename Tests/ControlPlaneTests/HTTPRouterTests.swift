// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import BridgeControl
import Colibri
import Primitives
import ShardMessages
import TestSupport
import Testing
import WebServer

@testable import ControlPlane

@Suite("HTTP routes")
struct HTTPRouterTests {
    static let all = BridgeSettings.REST(
        colibri: true, debug: true, drain: true, health: true, prometheus: true, version: true, shutdown: true)
    static let none = BridgeSettings.REST(
        colibri: false, debug: false, drain: false, health: false, prometheus: false, version: false, shutdown: false)

    /// One word for an action, so that cases can be written as a table.
    private func word(_ action: HTTPAction) -> String {
        switch action {
        case .answer(let response):
            "\(response.status)" + (response.allow.map { " " + $0 } ?? "") + (response.location.map { " " + $0 } ?? "")
        case .health: "health"
        case .statistics: "statistics"
        case .metrics(let format): "metrics \(format)"
        case .debug(let query):
            "debug \(query.conferenceID ?? "-") \(query.endpointID ?? "-") \(query.isFull ? "full" : "short")"
        case .delayStatistics: "delays"
        case .drainState: "drain?"
        case .setDrain(let isDraining): "drain \(isDraining)"
        case .modify(let request, let isUpdate):
            "modify \(request.meetingID) \(request.isCreate ? "create" : "-") \(isUpdate ? "update" : "-")"
        case .addClient(let client):
            "add \(client.id) \(client.username)@\(client.domain) \(client.hostname):\(client.port)"
        case .removeClient(let id): "remove \(id)"
        case .listClients: "clients"
        case .conference(let meetingID): "conference \(meetingID)"
        }
    }

    private func route(
        _ line: String, query: String = "", accept: String? = nil, body: String = "",
        switches: BridgeSettings.REST = HTTPRouterTests.all
    ) -> String {
        let words = line.split(separator: " ")
        let router = HTTPRouter(switches: switches, version: "2.3.1")
        let request = HTTPRequest(
            id: 7, method: HTTPMethod(rawValue: String(words[0])) ?? .get, path: String(words[1]), query: query,
            accept: accept, body: Array(body.utf8))
        return word(router.action(for: request))
    }

    @Test(
        "paths and methods",
        arguments: [
            ("GET /about/health", "health"), ("POST /about/health", "405 GET, HEAD"), ("GET /about/version", "200"),
            ("GET /about", "404"), ("GET /about/stats", "404"), ("GET /", "404"), ("GET /colibri", "404"),
            ("GET /colibri/stats", "statistics"), ("PUT /colibri/stats", "405 GET, HEAD"),
            ("GET /colibri/stats/x", "404"), ("GET /metrics", "metrics openMetrics"), ("GET /metrics/x", "404"),
            ("DELETE /metrics", "405 GET, HEAD"), ("GET /colibri/drain", "drain?"),
            ("POST /colibri/drain/enable", "drain true"), ("POST /colibri/drain/disable", "drain false"),
            ("GET /colibri/drain/enable", "405 POST"), ("POST /colibri/drain", "405 GET, HEAD"),
            ("POST /colibri/drain/other", "404"), ("GET /debug", "debug - - short"),
            ("GET /debug/abc", "debug abc - full"), ("GET /debug/abc/e1", "debug abc e1 full"),
            ("GET /debug/a/b/c", "404"), ("POST /debug", "405 GET, HEAD"),
            ("GET /debug/stats/jvb/xmpp-delay-stats", "delays"), ("GET /debug/stats/jvb/XMPP_delay_stats", "delays"),
            ("GET /debug/stats/jvb/pool-stats", "200"), ("GET /debug/stats/jvb/other", "404"),
            ("GET /debug/features/jvb/pcap-dump", "404"), ("GET /colibri/debug", "301 /debug"),
            ("GET /colibri/debug/abc/e1", "301 /debug/abc/e1"), ("GET /colibri/v2/conferences", "501"),
            ("GET /colibri/v2/conferences/m1", "conference m1"),
            ("GET /colibri/v2/conferences/m1/dominant-speaker-identification", "conference m1"),
            ("GET /colibri/v2/conferences/m1/other", "404"),
            ("PUT /colibri/v2/conferences", "405 GET, HEAD, POST"),
            ("POST /colibri/v2/conferences/m1", "405 GET, HEAD, PATCH"), ("GET /colibri/v2", "404"),
            ("GET /colibri/conferences", "404"), ("GET /colibri/muc-client/list", "clients"),
            ("POST /colibri/muc-client/list", "405 GET, HEAD"), ("GET /colibri/muc-client/add", "405 POST"),
            ("GET /colibri/muc-client/remove", "405 POST"), ("GET /colibri/muc-client", "404"),
            ("GET /colibri/muc-client/list/x", "404"), ("GET /logging", "404"),
            ("POST /colibri/shutdown", "404"), ("GET //about//health", "health"),
        ])
    func routes(_ line: String, _ expected: String) {
        #expect(route(line) == expected)
    }

    private static let client = """
        "id": "shard-c", "hostname": "10.9.8.7", "domain": "auth.example.net", "username": "jvb", "password": "s3cr3t",
        "muc_jids": "jvbbrewery@internal.auth.example.net", "muc_nickname": "via-1"
        """

    @Test(
        "an XMPP client is added and removed by a JSON object; values that are not text are passed over",
        arguments: [
            ("add", "{\(client)}", "add shard-c jvb@auth.example.net 10.9.8.7:5222"),
            ("add", "{\(client), \"port\": \"6222\"}", "add shard-c jvb@auth.example.net 10.9.8.7:6222"),
            ("add", "{\(client), \"port\": 6222}", "add shard-c jvb@auth.example.net 10.9.8.7:5222"),
            ("add", "{\(client), \"Port\": \"6222\"}", "add shard-c jvb@auth.example.net 10.9.8.7:6222"),
            ("add", "{\(client), \"port\": \"none\"}", "400"),
            ("add", "{\"id\": \"shard-c\"}", "400"), ("add", "[1]", "400"), ("add", "{", "400"),
            ("add", "{\(client.replacing("\"shard-c\"", with: "7"))}", "400"),
            ("add", "{\(client.replacing("\"jvb\"", with: "7"))}", "400"),
            ("remove", "{\"id\": \"shard-b\"}", "remove shard-b"), ("remove", "{\"id\": 4}", "400"),
            ("remove", "{}", "400"), ("remove", "", "400"),
        ])
    func clients(_ verb: String, _ body: String, _ expected: String) {
        #expect(route("POST /colibri/muc-client/\(verb)", body: body) == expected)
    }

    @Test(
        "a group that is switched off is 404",
        arguments: [
            "GET /about/health", "GET /about/version", "GET /colibri/stats", "GET /metrics", "GET /colibri/drain",
            "POST /colibri/drain/enable", "GET /debug", "GET /debug/a", "POST /colibri/v2/conferences",
            "GET /colibri/v2/conferences", "PATCH /colibri/v2/conferences/m", "GET /colibri/debug",
            "POST /colibri/muc-client/add", "POST /colibri/muc-client/remove", "GET /colibri/muc-client/list",
        ])
    func switchedOff(_ line: String) {
        #expect(route(line, switches: Self.none) == "404")
    }

    @Test("the query chooses the depth of /debug")
    func debugDepth() {
        #expect(route("GET /debug", query: "full=true") == "debug - - full")
        #expect(route("GET /debug/a", query: "x=1&full=false") == "debug a - short")
        #expect(route("GET /colibri/debug/a", query: "full=true") == "301 /debug/a?full=true")
    }

    @Test("a redirection never carries a header break or another host")
    func redirection() {
        #expect(route("GET /colibri/debug/a\r\nX-Evil:1") == "404")
        #expect(route("GET /colibri/debug//evil.example.org") == "301 /debug/evil.example.org")
        #expect(route("GET /colibri/debug/a", query: "full=true\r\nX: 1") == "301 /debug/a")
    }

    @Test("metrics are negotiated")
    func metrics() {
        #expect(route("GET /metrics", accept: "text/plain") == "metrics text")
        #expect(route("GET /metrics", accept: "application/json") == "metrics json")
        #expect(route("GET /metrics", accept: "image/png") == "406")
    }

    @Test("Colibri2 bodies are read, and mistakes are 400 with a text")
    func colibri() {
        let create = #"{"meeting-id":"m1","name":"room","create":true,"endpoints":[]}"#
        #expect(route("POST /colibri/v2/conferences", body: create) == "modify m1 create -")
        #expect(route("PATCH /colibri/v2/conferences/m2", body: #"{"expire":true}"#) == "modify m2 - update")
        #expect(route("POST /colibri/v2/conferences", body: "") == "400")
        #expect(route("POST /colibri/v2/conferences", body: "{") == "400")
        #expect(route("POST /colibri/v2/conferences", body: "[]") == "400")
        #expect(route("POST /colibri/v2/conferences", body: "{}") == "400")
        #expect(route("PATCH /colibri/v2/conferences/m2", body: #"{"endpoints":5}"#) == "400")
        let deep = String(repeating: "[", count: 100_000)
        #expect(route("POST /colibri/v2/conferences", body: deep) == "400")
    }

    @Test("every 4xx and 5xx has a text")
    func texts() {
        let router = HTTPRouter(switches: Self.all, version: "1")
        for (method, path) in [
            (HTTPMethod.get, "/x"), (.delete, "/metrics"), (.get, "/colibri/v2/conferences"),
            (.post, "/colibri/v2/conferences"),
        ] {
            guard case .answer(let response) = router.action(for: HTTPRequest(id: 1, method: method, path: path)) else {
                Issue.record("\(path) was not answered")
                continue
            }
            #expect(response.status >= 400)
            #expect(response.contentType == "text/plain; charset=utf-8")
            #expect(response.body.count > 3)
            #expect(response.id == 1)
        }
    }

    @Test("any request is survived")
    func hostile() {
        let seeds = ["/colibri/v2/conferences/m1", "/debug/a/b", "/colibri/debug/x", "/about/health", "/metrics"]
        let body = Array(#"{"meeting-id":"m","create":true,"endpoints":[{"id":"a","create":true}]}"#.utf8)
        let methods: [HTTPMethod] = [.get, .post, .patch, .put, .delete]
        let failure = checkProperty(cases: 3_000) { random in
            let path = mutate(Array(seeds[random.int(in: 0...seeds.count - 1)].utf8), using: &random)
            let request = HTTPRequest(
                id: 1, method: methods[random.int(in: 0...4)], path: String(decoding: path, as: UTF8.self),
                query: String(decoding: random.bytes(8), as: UTF8.self), accept: "text/plain",
                body: mutate(body, using: &random))
            if case .answer(let response) = HTTPRouter(switches: Self.all, version: "1").action(for: request),
                let location = response.location, location.contains("\r") || location.hasPrefix("//")
            {
                return "redirected to \(location)"
            }
            return nil
        }
        #expect(failure == nil)
    }
}

@Suite("HTTP answers")
struct HTTPAnswersTests {
    private func text(_ response: HTTPResponse) -> String {
        "\(response.status) \(response.contentType ?? "-") \(String(decoding: response.body, as: UTF8.self))"
    }

    @Test("health is 200 without body, or 500 with the reason")
    func health() {
        #expect(text(HTTPAnswers.health(.healthy, id: 1)) == "200 application/json ")
        #expect(
            text(HTTPAnswers.health(.unhealthy(reason: "no valid address"), id: 1))
                == "500 text/plain; charset=utf-8 no valid address\n")
    }

    @Test("drain state and version have the original's form")
    func smallDocuments() {
        #expect(text(HTTPAnswers.drain(false, id: 1)) == #"200 application/json {"drain":false}"#)
        let router = HTTPRouter(switches: HTTPRouterTests.all, version: "2.3.64-g719465d1")
        guard case .answer(let version) = router.action(for: HTTPRequest(id: 1, method: .get, path: "/about/version"))
        else {
            Issue.record("no answer")
            return
        }
        #expect(
            text(version) == #"200 application/json {"name":"JVB","version":"2.3.64-g719465d1","os":"Linux"}"#)
    }

    @Test("Colibri2 errors are 400, a change of an unknown meeting is 404")
    func colibriErrors() {
        let unknown = ColibriError.unknownConference("m")
        #expect(HTTPAnswers.modified(.failure(unknown), isUpdate: true, id: 1).status == 404)
        #expect(HTTPAnswers.modified(.failure(unknown), isUpdate: false, id: 1).status == 400)
        #expect(
            text(HTTPAnswers.modified(.failure(.conferenceExists), isUpdate: false, id: 1))
                == "400 text/plain; charset=utf-8 conflict: conference_already_exists\n")
        #expect(HTTPAnswers.modified(.success(ConferenceModified()), isUpdate: false, id: 1).status == 200)
        #expect(HTTPAnswers.conference(isKnown: true, id: 1).status == 501)
        #expect(HTTPAnswers.conference(isKnown: false, id: 1).status == 404)
    }

    @Test("/debug has the original's top-level names")
    func debug() {
        let document = DebugDocument(
            shutdownState: .running, isDraining: false, wallClockMilliseconds: 1_788_272_602_118, stress: 0.41,
            conferences: [], health: .healthy, srtpEngine: "OpenSSL EVP",
            workers: ["{\"worker\":0}", "not json"])
        #expect(
            document.json(DebugQuery(isFull: false)).text
                == #"{"shutdown_state":"RUNNING","drain":false,"time":1788272602118,"load_management":"#
                + #"{"state":"NOT_OVERLOADED","stress":"0.41","reducer_enabled":"false"},"conferences":{},"#
                + #""health":{"success":true,"hardFailure":true,"responseCode":null,"message":null},"srtp_engine":"OpenSSL EVP"}"#
        )
        let full = document.json(DebugQuery(conferenceID: "ab", isFull: true))
        #expect(full["conferences"]?.text == #"{"ab":"null"}"#)
        #expect(full["workers"]?.text == #"[{"worker":0},"not json"]"#)
    }

    @Test("/debug names a conference by meeting, room and its endpoints' stats-ids")
    func debugNames() throws {
        var directory = Directory(Directory.Settings(), random: Random(seed: 1)) { [UInt8](repeating: 7, count: $0) }
        var endpoint = EndpointModify(id: "a1b2c3d4")
        endpoint.isCreate = true
        endpoint.statsID = "Kari-x7Q"
        endpoint.capabilities = ["source-names"]
        endpoint.transport = TransportDescription()
        var create = ConferenceModify(meetingID: "m-1")
        create.isCreate = true
        create.isRTCStatsEnabled = false
        create.name = "standup@conference.example.net"
        create.endpoints = [endpoint]
        directory.handle(create, token: RequestToken(1), at: .zero)
        guard case .request(let request)? = directory.pollCommand(),
            let number = request.operations.lazy.compactMap({ operation -> EndpointNumber? in
                if case .createEndpoint(let creation) = operation { creation.number } else { nil }
            }).first
        else {
            Issue.record("no request for the worker")
            return
        }
        let local = LocalTransport(
            ufrag: "u", password: "p", fingerprint: "AA", setup: .actpass)
        directory.handle(
            .answer(ShardAnswer(number: request.number, result: .success([(number, local)]))), at: .zero)
        var document = DebugDocument(
            shutdownState: .running, isDraining: false, wallClockMilliseconds: 0, stress: 0,
            conferences: directory.summaries, health: .healthy, srtpEngine: "OpenSSL EVP")
        let id = try #require(directory.summaries.first?.localID)
        let expected =
            #"{"\#(id)":{"id":"\#(id)","rtcstatsEnabled":false,"name":"standup@conference.example.net","#
            + #""meeting_id":"m-1","endpoints":{"a1b2c3d4":"Kari-x7Q"},"relays":{}}}"#
        #expect(document.json(DebugQuery(isFull: false))["conferences"]?.text == expected)
        #expect(directory.members(localID: id).map(\.number) == [number])
        #expect(directory.members(localID: "0").isEmpty)
        document.channels = [id: [("a1b2c3d4", .object([("transport", .string("sctp"))]))]]
        let full = document.json(DebugQuery(isFull: true))["conferences"]?[id]
        #expect(full?["channels"]?.text == #"{"a1b2c3d4":{"transport":"sctp"}}"#)
    }
}
