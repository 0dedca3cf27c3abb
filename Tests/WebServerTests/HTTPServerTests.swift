// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import TestSupport
import Testing
import WebServer

@Suite("HTTP server")
struct HTTPServerTests {
    @Test("curl gets what the control loop answers: method, path, query, headers, body")
    func requests() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let url = bridge.address
        #expect(try curl([url + "/a/b?x=1&y=2"]) == "GET /a/b [x=1&y=2] accept=*/* type=- body=0:")
        #expect(
            try curl([
                "-H", "Accept: text/plain", "-d", "{\"a\":1}", "-H", "Content-Type: application/json", url + "/c",
            ])
                == "POST /c [] accept=text/plain type=application/json body=7:{\"a\":1}")
        #expect(try curl(["-X", "PATCH", "-d", "x", url + "/c"]).hasPrefix("PATCH /c []"))
        #expect(try curl(["-X", "POST", url + "/colibri/drain/enable"]).hasSuffix("body=0:"))
        #expect(try curl(["-X", "PUT", url + "/x"]).hasPrefix("PUT /x"))
        #expect(try curl(["-X", "DELETE", url + "/x"]).hasPrefix("DELETE /x"))
    }

    @Test("HEAD gets the headers of GET and no body")
    func head() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let answer = try curl(["-I", bridge.address + "/h"])
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 35\r\n"))
        #expect(answer.contains(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/))
        #expect(answer.hasSuffix("\r\n\r\n"))
        #expect(!answer.lowercased().contains("server:"))
    }

    @Test("one connection serves many requests, pipelined ones too")
    func keepAlive() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let url = bridge.address
        let verbose = try curl(["-v", url + "/1", url + "/2", url + "/3"])
        #expect(verbose.components(separatedBy: "Re-using existing connection").count == 3)
        let client = try #require(RawClient(port: bridge.server.port))
        client.send("GET /p1 HTTP/1.1\r\nHost: h\r\n\r\nGET /p2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        let answers = client.receive()
        #expect(answers.contains("GET /p1 []") && answers.contains("GET /p2 []"))
    }

    @Test("a large answer arrives whole")
    func bigAnswer() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        #expect(
            try curl(["-o", "/dev/null", "-w", "%{http_code} %{size_download}", bridge.address + "/big"])
                == "200 3000000")
        #expect(
            try curl(["-0", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", bridge.address + "/big"])
                == "200 3000000")
    }

    @Test("a body of the limit is taken, a longer one is answered with 413")
    func bodyLimit() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let file = FileManager.default.temporaryDirectory.appending(path: "viaduct-body-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(repeating: 0x78, count: WebServerLimits.bodySize).write(to: file)
        let arguments = ["-X", "POST", "-H", "Expect:", "--data-binary", "@\(file.path)"]
        #expect(try curl(arguments + [bridge.address + "/b"]).hasSuffix("body=1048576"))
        try Data(repeating: 0x78, count: WebServerLimits.bodySize + 1).write(to: file)
        let refused = try curl(["-w", " %{http_code}"] + arguments + [bridge.address + "/b"])
        #expect(refused.contains("413"))
    }

    @Test("pages of other origins may read answers, and preflight allows GET and POST")
    func crossOrigin() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let origin = ["-i", "-H", "Origin: http://dash.example.org"]
        #expect(try curl(origin + [bridge.address + "/x"]).contains("Access-Control-Allow-Origin: *\r\n"))
        #expect(!(try curl(["-i", bridge.address + "/x"]).contains("Access-Control")))
        let preflight = try curl(
            origin + ["-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST", bridge.address + "/x"])
        #expect(preflight.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(preflight.contains("Access-Control-Allow-Methods: GET, POST\r\n"))
        #expect(
            preflight.contains("Access-Control-Allow-Headers: X-Requested-With, Content-Type, Accept, Origin\r\n"))
    }

    @Test("a request that stays unanswered gets 503, and its late answer is dropped")
    func unanswered() throws {
        let bridge = try EchoBridge(answerSeconds: 0.2)
        defer { bridge.stop() }
        let code = ["-o", "/dev/null", "-w", "%{http_code}"]
        #expect(try curl(code + [bridge.address + "/silent"]) == "503")
        #expect(try curl(code + [bridge.address + "/late"]) == "503")
        #expect(try curl(code + [bridge.address + "/x"]) == "200")
    }

    @Test("a port in use is refused with cause and cure")
    func portTaken() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer.start(host: "127.0.0.1", port: bridge.server.port)
        }
        #expect(error?.description.contains("another program uses this port; stop it or set videobridge.http") == true)
        let address = #expect(throws: HTTPServerError.self) { try HTTPServer.start(host: "192.0.2.1", port: 0) }
        #expect(address?.description.contains("no interface has this address") == true)
        let name = #expect(throws: HTTPServerError.self) { try HTTPServer.start(host: "no such", port: 0) }
        #expect(name?.description.contains("is not an IP address") == true)
    }

    @Test("starts fast, stops with connections open, and starts again on the same port")
    func restart() throws {
        var port: UInt16 = 0
        for _ in 0..<3 {
            let clock = ContinuousClock()
            var server: HTTPServer?
            let elapsed = try clock.measure { server = try HTTPServer.start(host: "127.0.0.1", port: port) }
            let running = try #require(server)
            #expect(elapsed < .milliseconds(500))
            port = running.port
            let client = try #require(RawClient(port: port))
            client.send("GET /half HTTP/1.1\r\nHos")
            running.stop()
            running.stop()
            #expect(client.receive().isEmpty)
        }
    }

    @Test("serves IPv6")
    func ipv6() throws {
        let server = try HTTPServer.start(host: "::1", port: 0, answerSeconds: 0.1)
        defer { server.stop() }
        #expect(try curl(["-o", "/dev/null", "-w", "%{http_code}", "http://[::1]:\(server.port)/"]) == "503")
    }
}
