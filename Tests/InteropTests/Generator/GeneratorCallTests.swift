// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The program's calls: unusual ones, and those that something breaks into.
@Suite("Generator: calls", .serialized, .needsProsody)
struct GeneratorCallTests {
    @Test(
        "calls over IPv6, passive, in trains, of several conferences that fill slowly, are perfect",
        arguments: [
            "--local ::1 --profile cm", "--local ::1 --passive --profile gcm --verify sample",
            "--gso --threads 2 --seed 9", "--conferences 2 --ramp 4 --join-timeout 1 --video-senders 1",
        ])
    func ways(options: String) async throws {
        try await withDaemon { daemon in
            let run = try await GeneratorRun("--rest http://127.0.0.1:\(daemon.httpPort) --duration 1 \(options)")
            #expect(run.status == 0, "\(run)")
            #expect(run.output.hasSuffix("PERFECT\n"), "\(run)")
        }
    }

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
