// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What the generator says when there is no call to be had: one line that names the cause, a status, and soon.
@Suite("Generator: no call", .serialized)
struct GeneratorFailureTests {
    private func rest(_ bridge: FakeBridge, _ more: String = "") async throws -> GeneratorRun {
        defer { bridge.stop() }
        return try await GeneratorRun("--rest http://127.0.0.1:\(bridge.port) --join-timeout 2 \(more)")
    }

    @Test("a closed HTTP port is named at once")
    func closedPort() async throws {
        let port = try freePort()
        let run = try await GeneratorRun("--rest http://127.0.0.1:\(port)")
        #expect(run.status == 2)
        #expect(run.onlyLine == "viaduct-load: 127.0.0.1:\(port): Connection refused")
        #expect(run.seconds < 10, "the time-out is 30 s")
    }

    @Test("a bridge that refuses is quoted, in one line whatever it says")
    func refusal() async throws {
        let run = try await rest(try FakeBridge(.answer(400, "no room\nhere")))
        #expect(run.status == 2)
        #expect(run.onlyLine == "viaduct-load: refused by the bridge: HTTP 400 no room here")
    }

    @Test(
        "answers that are of no use are named",
        arguments: [
            ("hello", "no JSON"), ("{}", "no transport of "),
            (#"{"endpoints":[{"id":"ENDPOINT"}]}"#, "no transport of "),
            (
                #"{"endpoints":[{"id":"ENDPOINT","transport":{"transport":{"ufrag":"u","pwd":"p"}}}]}"#,
                "no usable candidate"
            ),
        ])
    func nonsense(body: String, reason: String) async throws {
        let run = try await rest(try FakeBridge(.answer(200, body)))
        #expect(run.status == 2)
        #expect(run.onlyLine?.hasPrefix("viaduct-load: unusable answer of the bridge: \(reason)") == true, "\(run)")
    }

    @Test("a bridge that never answers, or never comes to an end, is given up", arguments: [true, false])
    func silence(drips: Bool) async throws {
        let bridge = try FakeBridge(drips ? .drip : .silence)
        let run = try await rest(bridge)
        #expect(run.status == 2)
        #expect(run.onlyLine == "viaduct-load: 127.0.0.1:\(bridge.port): no answer in time")
        #expect(run.seconds > 1.5 && run.seconds < 12)
    }

    @Test("a bridge that hangs up is named")
    func hangUp() async throws {
        let run = try await rest(try FakeBridge(.hangUp))
        #expect(run.status == 2)
        #expect(run.onlyLine?.hasPrefix("viaduct-load: ") == true, "\(run)")
    }

    /// An answer with everything in it and a candidate where nobody listens.
    private func transport(port: UInt16, ip: String = "127.0.0.1") -> String {
        let print = (0..<32).map { _ in "AB" }.joined(separator: ":")
        return """
            {"endpoints":[{"id":"ENDPOINT","transport":{"sctp":{"port":5000},"transport":{"ufrag":"abcd",
            "pwd":"abcdefghijklmnopqrstuv",
            "fingerprints":[{"hash":"sha-256","setup":"actpass","fingerprint":"\(print)"}],"candidates":[{"ip":"\(ip)",
            "port":"\(port)","protocol":"udp","priority":"2130706431","type":"host"}]}}}]}
            """
    }

    @Test("blocked UDP ends with the address that was tried, not with a call that nobody is in")
    func blockedUDP() async throws {
        let hole = try UDPSocket(port: 0)
        let run = try await rest(
            try FakeBridge(.answer(200, transport(port: hole.port))), "--duration 60 --join-timeout 30")
        let nobody = "viaduct-load: nobody was connected: "
        #expect(run.status == 2)
        #expect(run.onlyLine == nobody + "participant 0: no answer to ICE checks at 127.0.0.1:\(hole.port)")
        // The wait ends when ICE gives up, before the time-out.
        #expect(run.seconds < 25)
        let short = try await rest(try FakeBridge(.answer(200, transport(port: hole.port))))
        #expect(short.onlyLine == nobody + "no answer within 2 s")
    }

    @Test("a bridge without an address of our IP version is named")
    func wrongFamily() async throws {
        let body = transport(port: 9, ip: "2001:db8::1")
        let run = try await rest(try FakeBridge(.answer(200, body)), "--local 127.0.0.1")
        #expect(run.status == 2)
        #expect(
            run.onlyLine
                == "viaduct-load: nobody was connected: participant 0: the bridge has no address of our IP version")
    }

    @Test("wrong usage is status 64 and two lines; help and version are status 0")
    func usage() async throws {
        let wrong = try await GeneratorRun("--colour red")
        #expect(wrong.status == 64)
        #expect(wrong.complaints == "viaduct-load: unknown option --colour\nTry viaduct-load --help.\n")
        let gone = try await GeneratorRun("--pid 2147483646")
        #expect(gone.status == 64 && gone.complaints.hasPrefix("viaduct-load: --pid: no process 2147483646\n"))
        let help = try await GeneratorRun("--help")
        #expect(help.status == 0 && help.output.contains("Exit status:") && help.complaints.isEmpty)
        #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 120 })
        let version = try await GeneratorRun("--version")
        #expect(version.status == 0 && version.output.hasPrefix("viaduct-load "))
    }

    @Test("a result file that cannot be written is known before the call")
    func unwritableResult() async throws {
        let run = try await GeneratorRun("--rest http://127.0.0.1:\(try freePort()) --json /nowhere/result")
        #expect(run.status == 2)
        #expect(run.onlyLine == "viaduct-load: /nowhere/result: No such file or directory")
    }

    @Test("the result file says why there was no call", arguments: ["--rest http://127.0.0.1:1", "--xmpp 127.0.0.1:1"])
    func result(door: String) async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        let account = door.hasPrefix("--xmpp") ? " --domain d --room r@d" : ""
        let run = try await GeneratorRun("\(door)\(account) --json \(file.path)")
        struct Result: Decodable {
            let perfect: Bool
            let imperfections: [String]
        }
        let result = try JSONDecoder().decode(Result.self, from: try Data(contentsOf: file))
        #expect(!result.perfect)
        #expect(result.imperfections.first.map { "viaduct-load: " + $0 } == run.onlyLine)
        #expect(run.onlyLine != nil)
    }
}
