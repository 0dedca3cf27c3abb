// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import XML

@testable import LoadGenerator

private func parse(_ text: String, isEnd: Bool = false) throws -> (response: HTTPResponse, length: Int)? {
    try HTTPResponse.parse(Array(text.utf8), isEnd: isEnd)
}

@Suite("Signalling")
struct SignallingTests {
    @Test("an answer with a length is read once it is complete")
    func length() throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP"
        for cut in 0..<text.utf8.count - 4 {
            #expect(try parse(String(decoding: text.utf8.prefix(cut), as: UTF8.self)) == nil)
        }
        let found = try #require(try parse(text))
        #expect(found.response == HTTPResponse(status: 200, body: Array("hello".utf8), keepsAlive: true))
        #expect(found.length == text.utf8.count - 4)
    }

    @Test("chunks are put together")
    func chunks() throws {
        let text =
            "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        for cut in 0..<text.utf8.count {
            #expect(try parse(String(decoding: text.utf8.prefix(cut), as: UTF8.self)) == nil)
        }
        let found = try #require(try parse(text))
        #expect(found.response == HTTPResponse(status: 400, body: Array("abcde".utf8), keepsAlive: false))
    }

    @Test("without a length the answer ends with the connection")
    func close() throws {
        let text = "HTTP/1.0 200 OK\r\n\r\nall"
        #expect(try parse(text) == nil)
        #expect(try parse(text, isEnd: true)?.response.body == Array("all".utf8))
    }

    @Test("damaged answers are refused without a trap")
    func hostile() {
        let valid = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
        let failure = checkProperty(cases: 2_000) { random in
            let bytes = mutate(valid, using: &random)
            do throws(LoadError) {
                _ = try HTTPResponse.parse(bytes, isEnd: random.int(in: 0...1) == 0)
            } catch {
                guard case .connection = error else { return "\(error)" }
            }
            return nil
        }
        #expect(failure == nil)
        #expect(throws: LoadError.self) { try parse("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", isEnd: true) }
        #expect(throws: LoadError.self) { try parse("SSH-2.0-x\r\n\r\n") }
    }

    @Test("requests carry what Colibri2 wants")
    func requests() {
        let create = ColibriJSON.body(
            .create(endpoint: "a1", newConference: true, sctp: false), meeting: "m", name: "r@d")
        #expect(create["meeting-id"]?.stringValue == "m" && create["create"]?.boolValue == true)
        let endpoint = create["endpoints"]?.arrayValue?.first
        #expect(endpoint?["id"]?.stringValue == "a1" && endpoint?["create"]?.boolValue == true)
        #expect(endpoint?["medias"]?.arrayValue?.compactMap { $0["type"]?.stringValue } == ["audio", "video"])
        #expect(endpoint?["transport"]?["ice-controlling"]?.boolValue == true)
        let later = ColibriJSON.body(
            .create(endpoint: "b", newConference: false, sctp: true), meeting: "m", name: "r@d")
        #expect(later["create"] == nil && later["name"] == nil)
        #expect(endpoint?["transport"]?["sctp"] == nil)
        let wish = later["endpoints"]?.arrayValue?.first?["transport"]?["sctp"]
        #expect(wish?.objectValue?.isEmpty == true, "a bare wish, as Jicofo's")

        let local = ParticipantTransport(ufrag: "u", password: "p", fingerprint: [0xAB, 1], setup: "active")
        let source = SignalledSource(name: "a1-v0", isVideo: true, ssrc: 4_000_000_000)
        let update = ColibriJSON.body(.update(endpoint: "a1", local, [source]), meeting: "m", name: "")
        let changed = update["endpoints"]?.arrayValue?.first
        let ice = changed?["transport"]?["transport"]
        #expect(ice?["ufrag"]?.stringValue == "u" && ice?["pwd"]?.stringValue == "p")
        #expect(ice?["fingerprints"]?.arrayValue?.first?["fingerprint"]?.stringValue == "AB:01")
        let signalled = changed?["sources"]?.arrayValue?.first
        #expect(signalled?["type"]?.stringValue == "video")
        #expect(signalled?["sources"]?.arrayValue?.first?["ssrc"]?.integerValue == 4_000_000_000)
    }

    @Test("a bridge's transport is read, useless candidates aside")
    func answer() throws {
        let text = """
            {"endpoints":[{"id":"a1","transport":{"transport":{"ufrag":"u","pwd":"p","fingerprints":
            [{"hash":"SHA-256","setup":"actpass","fingerprint":"0a:FF"}],"candidates":[
            {"ip":"192.0.2.1","port":10000,"protocol":"udp","priority":2130706431,"type":"host"},
            {"ip":"name.local","port":1,"protocol":"udp"},{"ip":"192.0.2.1","port":443,"protocol":"tcp"}]}}}]}
            """
        let answer = try JSONValue.parse(Array(text.utf8))
        let transport = try ColibriJSON.transport(of: "a1", in: answer)
        #expect(transport.candidates.map(\.address) == [TransportAddress(ip: "192.0.2.1", port: 10_000)])
        #expect(transport.fingerprints == [.init(hash: "sha-256", digest: [10, 255], setup: "actpass")])
        #expect(throws: LoadError.badAnswer("no transport of b2")) { try ColibriJSON.transport(of: "b2", in: answer) }
        #expect(!transport.hasSCTP && transport.webSockets == [])
        let with = text.replacing(
            #""transport":{"transport":{"#,
            with:
                #""transport":{"sctp":{"role":"server","port":5000},"transport":{"web-sockets":["ws://b/x","ws://c"],"#)
        let both = try ColibriJSON.transport(of: "a1", in: try JSONValue.parse(Array(with.utf8)))
        #expect(both.hasSCTP && both.webSockets == ["ws://b/x", "ws://c"])
    }

    @Test("the XML form says the same as the JSON form")
    func xml() {
        let local = ParticipantTransport(ufrag: "u", password: "p", fingerprint: [0xAB, 1], setup: "active")
        let source = SignalledSource(name: "a1-v0", isVideo: true, ssrc: 4_000_000_000)
        let create = ColibriXML.element(
            .create(endpoint: "a1", newConference: true, sctp: false), meeting: "m", name: "r@d")
        #expect(create.isNamed("conference-modify", "jitsi:colibri2") && create["meeting-id"] == "m")
        #expect(create["create"] == "true" && create["name"] == "r@d")
        let endpoint = create.child("endpoint", "jitsi:colibri2")
        #expect(endpoint?.children("media", "jitsi:colibri2").map { $0["type"] } == ["audio", "video"])
        let wish = endpoint?.child("transport", "jitsi:colibri2")
        #expect(wish?["ice-controlling"] == "true" && wish?.elements.isEmpty == true)
        let with = ColibriXML.element(
            .create(endpoint: "a1", newConference: false, sctp: true), meeting: "m", name: "r@d")
        let sctp = with.elements.first?.child("transport", "jitsi:colibri2")?.elements
        #expect(sctp == [XMLElement("sctp", "jitsi:colibri2")])
        let formats = endpoint?.children("media", "jitsi:colibri2")[1].children(
            "payload-type", "urn:xmpp:jingle:apps:rtp:1")
        #expect(formats?.map { $0["id"] } == ["100", "96"])

        let update = ColibriXML.element(.update(endpoint: "a1", local, [source]), meeting: "m", name: "r@d")
        let changed = update.child("endpoint", "jitsi:colibri2")
        #expect(update["create"] == nil && changed?["create"] == nil)
        let ice = changed?.child("transport", "jitsi:colibri2")?.child(
            "transport", "urn:xmpp:jingle:transports:ice-udp:1")
        #expect(ice?["ufrag"] == "u" && ice?["pwd"] == "p")
        #expect(ice?.child("fingerprint", "urn:xmpp:jingle:apps:dtls:0")?.text == "AB:01")
        let signalled = changed?.child("sources", "jitsi:colibri2")?.child("media-source", "jitsi:colibri2")
        #expect(signalled?["type"] == "video" && signalled?.elements.first?["ssrc"] == "4000000000")
        let expire = ColibriXML.element(.expireConference, meeting: "m", name: "r@d")
        #expect(expire["expire"] == "true" && expire.elements.isEmpty)
    }

    @Test("a bridge's transport is read from XML as well")
    func answerXML() throws {
        let candidate = XMLElement(
            "candidate", "urn:xmpp:jingle:transports:ice-udp:1",
            attributes: [
                "ip": "192.0.2.1", "port": "10000", "protocol": "udp", "priority": "2130706431", "type": "host",
            ])
        let fingerprint = XMLElement(
            "fingerprint", "urn:xmpp:jingle:apps:dtls:0", attributes: ["hash": "sha-256", "setup": "actpass"],
            text: "0A:FF\n")
        let socket = XMLElement(
            "web-socket", "http://jitsi.org/protocol/colibri", attributes: ["url": "ws://b/x"])
        let ice = XMLElement(
            "transport", "urn:xmpp:jingle:transports:ice-udp:1", attributes: ["ufrag": "u", "pwd": "p"],
            children: [fingerprint, socket, candidate])
        let sctp = XMLElement("sctp", "jitsi:colibri2", attributes: ["port": "5000", "role": "server"])
        let answer = XMLElement(
            "conference-modified", "jitsi:colibri2",
            children: [
                XMLElement(
                    "endpoint", "jitsi:colibri2", attributes: ["id": "a1"],
                    children: [XMLElement("transport", "jitsi:colibri2", children: [ice, sctp])])
            ])
        let transport = try ColibriXML.transport(of: "a1", in: answer)
        #expect(
            transport.candidates == [
                .init(
                    address: try #require(TransportAddress(ip: "192.0.2.1", port: 10_000)), priority: 2_130_706_431,
                    isRelayed: false)
            ])
        #expect(transport.fingerprints == [.init(hash: "sha-256", digest: [10, 255], setup: "actpass")])
        #expect(transport.hasSCTP && transport.webSockets == ["ws://b/x"])
        #expect(throws: LoadError.badAnswer("no transport of b2")) { try ColibriXML.transport(of: "b2", in: answer) }
    }

    @Test("processor time is found behind any process name")
    func stat() {
        let tail = (0..<20).map { "\($0)" }.joined(separator: " ")
        #expect(BridgeProcess.ticks(ofStat: "12 (a b) c) \(tail)") == Int64(23))
        #expect(BridgeProcess.ticks(ofStat: "12 (x") == nil)
    }

    @Test("our own process has memory and has used the processor")
    func process() throws {
        let own = BridgeProcess(
            pid: try #require(Int32(BridgeProcess.read("/proc/self/stat")?.prefix { $0 != " " } ?? "")))
        #expect(try #require(own.residentBytes()) > 1_000_000)
        #expect(try #require(own.processorNanoseconds()) > 0)
        #expect(BridgeProcess(pid: Int32.max).processorNanoseconds() == nil)
    }
}
