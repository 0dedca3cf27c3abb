// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import XMPP

/// What it says when a real Prosody stands between it and the bridge.
@Suite("Generator: no call by XMPP", .serialized, .needsProsody)
struct GeneratorXMPPFailureTests {
    private func arguments(_ port: UInt16, password: String = "focuspass", seconds: Int = 3) -> String {
        "--xmpp 127.0.0.1:\(port) --domain \(ProsodyServer.domain) --room \(ProsodyServer.room) --user focus"
            + " --password \(password) --join-timeout \(seconds)"
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
        let wrongPassword = try await GeneratorRun(arguments(prosody.port, password: "wrong", seconds: 40))
        #expect(wrongPassword.status == 2)
        #expect(
            wrongPassword.onlyLine == "viaduct-load: the server refused the login of focus; "
                + "check --user and --password (not-authorized)")
        #expect(wrongPassword.seconds < 20, "it is not tried again")
        let noRoom = try await GeneratorRun(arguments(prosody.port) + " --brewery nowhere@nowhere.bridge.test")
        #expect(noRoom.status == 2)
        #expect(noRoom.onlyLine?.hasPrefix("viaduct-load: nowhere@nowhere.bridge.test") == true, "\(noRoom)")
        let noBridge = try await GeneratorRun(arguments(prosody.port) + " --bridge via-9")
        #expect(noBridge.status == 2)
        #expect(noBridge.onlyLine == "viaduct-load: no bridge via-9 appeared in \(ProsodyServer.room)")
        #expect(noBridge.seconds < 20)
    }

    @Test(
        "a server that sends noise, entities, endless attributes, bottomless nesting or nothing is left with one line")
    func hostileServers() async throws {
        let servers = try HostileServer.speeches.map { ($0.name, try HostileServer($0)) }
        defer { for (_, server) in servers { server.stop() } }
        for (_, server) in servers { server.start() }
        try await withThrowingTaskGroup(of: (String, GeneratorRun).self) { group in
            for (name, server) in servers {
                let arguments = arguments(server.port)
                group.addTask { (name, try await GeneratorRun(arguments)) }
            }
            for try await (name, run) in group {
                #expect(run.status == 2, "\(name): \(run)")
                let line = run.onlyLine ?? ""
                let isNamed =
                    ["silence", "spaces"].contains(name)
                    ? line.hasSuffix(": no login in time")
                    : line.hasPrefix("viaduct-load: The XMPP server sent malformed XML")
                #expect(isNamed, "\(name): \(run)")
            }
        }
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
