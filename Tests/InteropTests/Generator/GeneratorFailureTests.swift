// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import XMPP

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
        #expect(run.seconds < 3)
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
        #expect(run.seconds > 1.5 && run.seconds < 6)
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
            {"endpoints":[{"id":"ENDPOINT","transport":{"transport":{"ufrag":"abcd","pwd":"abcdefghijklmnopqrstuv",
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
        #expect(run.seconds < 18)
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
}

/// The same beside a real Prosody.
@Suite("Generator: no call by XMPP", .serialized, .enabled(if: ProsodyServer.isAvailable))
struct GeneratorXMPPFailureTests {
    private func arguments(_ port: UInt16, password: String = "focuspass") -> String {
        "--xmpp 127.0.0.1:\(port) --domain \(ProsodyServer.domain) --room \(ProsodyServer.room) --user focus"
            + " --password \(password) --join-timeout 3"
    }

    @Test("no server, a wrong password, a room that does not exist and a room without a bridge are told apart")
    func causes() async throws {
        let nobody = try freePort()
        let noServer = try await GeneratorRun(arguments(nobody))
        #expect(noServer.status == 2)
        #expect(
            noServer.onlyLine == "viaduct-load: Could not connect to the XMPP server "
                + "(127.0.0.1:\(nobody): Connection refused)")
        let prosody = try ProsodyServer()
        try await prosody.start()
        let wrongPassword = try await GeneratorRun(arguments(prosody.port, password: "wrong"))
        #expect(wrongPassword.status == 2)
        #expect(
            wrongPassword.onlyLine == "viaduct-load: the server refused the login of focus; "
                + "check --user and --password (not-authorized)")
        #expect(wrongPassword.seconds < 3)
        let noRoom = try await GeneratorRun(arguments(prosody.port) + " --brewery nowhere@nowhere.bridge.test")
        #expect(noRoom.status == 2)
        #expect(noRoom.onlyLine?.hasPrefix("viaduct-load: nowhere@nowhere.bridge.test") == true, "\(noRoom)")
        let noBridge = try await GeneratorRun(arguments(prosody.port) + " --bridge via-9")
        #expect(noBridge.status == 2)
        #expect(noBridge.onlyLine == "viaduct-load: no bridge via-9 appeared in \(ProsodyServer.room)")
        #expect(noBridge.seconds < 10)
    }

    @Test("a bridge that answers errors, nonsense or nothing is named")
    func refusals() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let bridge = bench.bridge(port: prosody.port)
        #expect(try await bench.wait { bridge.isInRoom })
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let words = arguments(prosody.port).split(separator: " ").map(String.init)
        let expected: [(String?, String)] = [
            ("conference-modified", "unusable answer of the bridge: no transport of "),
            (nil, "the bridge \(ProsodyServer.room)/via-1 does not answer"),
            ("error", "refused by the bridge: conflict exists already"),
        ]
        for (answer, line) in expected {
            bridge.answersWith = answer == "error" ? nil : answer
            let seen = bridge.requests.count
            let process = try GeneratorRun.start(words, in: folder)
            #expect(
                try await bench.wait {
                    if answer == "error", bridge.requests.count > seen, let request = bridge.requests.last {
                        _ = bridge.refuse(request, with: StanzaError(.conflict, text: "exists already"))
                    }
                    return !process.isRunning
                })
            let run = await GeneratorRun(process)
            #expect(run.status == 2)
            #expect(run.onlyLine?.hasPrefix("viaduct-load: \(line)") == true, "\(run)")
        }
    }
}

/// A call that goes on without its server.
@Suite("Generator: outage", .enabled(if: ProsodyServer.isAvailable))
struct GeneratorOutageTests {
    @Test("a call over a Prosody that is killed and comes back is perfect, its conference is ended in order")
    func outage() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        try await withDaemon(Daemon.client(port: Int(prosody.port))) { daemon in
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
            let call = try LoadCall(on: daemon, through: prosody, seconds: 5)
            #expect(try await daemon.wait { try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 3 })
            prosody.kill()
            try await prosody.waitForEnd()
            try await prosody.start()
            #expect(call.isRunning, "the whole outage lay in the call")
            #expect(await call.wait() == 0, "\(call.text)")
            #expect(try call.outcome().perfect)
            #expect(try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 0)
        }
    }
}

/// A call that breaks in the middle.
@Suite("Generator: broken call", .serialized)
struct GeneratorBrokenCallTests {
    @Test("a bridge that dies in mid-call ends the run at once with --pid, and with the call without")
    func death() async throws {
        let daemon = try Daemon()
        try await daemon.waitUntilHealthy()
        let rest = ["--rest", "http://127.0.0.1:\(daemon.httpPort)", "--quiet", "--participants", "2"]
        let watching = try GeneratorRun.start(
            rest + ["--duration", "300", "--pid", "\(daemon.processIdentifier)"], in: daemon.folder)
        let alone = try GeneratorRun.start(rest + ["--duration", "4"], in: daemon.folder)
        let isOn = try await daemon.wait {
            try await daemon.curl("/colibri/stats").body.firstMatch(of: #/"endpoints_sending_audio":\s*4\b/#) != nil
        }
        #expect(isOn)
        daemon.send(signal: SIGKILL)
        let first = await GeneratorRun(watching)
        #expect(first.status == 1)
        #expect(first.output.contains("NOT PERFECT:\n  the bridge's process is gone\n"), "\(first)")
        let second = await GeneratorRun(alone)
        #expect(second.status == 1)
        #expect(second.output.contains("packets lost"), "\(second)")
        await daemon.end()
    }

    @Test("Ctrl-C ends the call in order: the conference is gone, the result is printed")
    func interrupted() async throws {
        try await withDaemon { daemon in
            let process = try GeneratorRun.start(
                ["--rest", "http://127.0.0.1:\(daemon.httpPort)", "--quiet", "--duration", "300"], in: daemon.folder)
            func conferences() async throws -> Int? {
                try await daemon.curl("/colibri/stats").body.firstMatch(of: #/"conferences":\s*(\d+)/#).flatMap {
                    Int($0.1)
                }
            }
            #expect(try await daemon.wait { try await conferences() == 1 })
            // The call begins a moment after its conference.
            #expect(
                try await daemon.wait {
                    try await daemon.curl("/colibri/stats").body.firstMatch(of: #/"endpoints_sending_audio":\s*3\b/#)
                        != nil
                })
            kill(process.processIdentifier, SIGINT)
            let run = await GeneratorRun(process)
            #expect(run.status == 1)
            #expect(run.output.contains("NOT PERFECT:\n  interrupted\n"), "\(run)")
            #expect(try await conferences() == 0)
        }
    }
}
