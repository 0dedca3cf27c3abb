// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import XML
import XMPP

@testable import ControlPlane

@Suite("Daemon: calls", .needsProsody)
struct DaemonCallTests {
    private let healthCheck = XMLElement("healthcheck", "http://jitsi.org/protocol/healthcheck")

    @Test("a call goes on without loss while Prosody is killed and comes back; then the bridge is in the brewery again")
    func prosodyDiesInACall() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        try await withDaemon(Daemon.client(port: Int(prosody.port))) { daemon in
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
            let call = try LoadCall(on: daemon, seconds: 8)
            #expect(try await daemon.wait { try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 3 })
            try await Task.sleep(for: .seconds(1))
            prosody.kill()
            try await prosody.waitForEnd()
            #expect(try await daemon.waitForLog("Could not connect to the XMPP server"), "\(daemon.log)")
            try await prosody.start()
            #expect(call.isRunning, "the whole outage lay in the call")
            #expect(try await daemon.waitForLog("Joined the brewery", count: 2, seconds: 30), "\(daemon.log)")
            #expect(await call.wait() == 0, "\(call.text)")
            let outcome = try call.outcome()
            #expect(outcome.perfect && outcome.lost == 0 && outcome.altered == 0 && outcome.received > 5_000)
            try await expectHealthCheckAnswered(prosody)
        }
    }

    /// The bridge is an occupant with statistics and answers a health check of the focus.
    private func expectHealthCheckAnswered(_ prosody: ProsodyServer) async throws {
        let bench = try XMPPBench(prosody)
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait(20) { focus.isInRoom && focus.statistics(of: "via-1") != nil })
        let check = focus.send(toOccupant: "via-1", healthCheck)
        #expect(try await bench.wait { focus.outcomes[check] == .result(nil) }, "\(focus.outcomes)")
    }

    @Test("a call that the focus makes over Prosody is perfect, and the brewery sees statistics")
    func callOverProsody() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let extra = "videobridge.stats.interval = 1 second"
        try await withDaemon(Daemon.client(port: Int(prosody.port)) + "\n" + extra) { daemon in
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
            let bench = try XMPPBench(prosody)
            let observer = bench.focus(port: prosody.port, user: "other")
            #expect(try await bench.wait(20) { observer.statistics(of: "via-1") != nil })
            let call = try LoadCall(on: daemon, through: prosody, seconds: 7, ["--channel", "sctp"])
            // Statistics go out every five seconds, hence once at least in the call.
            #expect(
                try await bench.wait(40) {
                    observer.statistics(of: "via-1")?["participants"] == "3" || !call.isRunning
                })
            let seen = observer.statistics(of: "via-1") ?? [:]
            #expect(seen["participants"] == "3" && seen["conferences"] == "1", "\(seen) \(call.text)")
            #expect(seen["healthy"] == "true")
            #expect(await call.wait() == 0, "\(call.text) \(daemon.log)")
            #expect(try call.outcome().perfect)
        }
    }

    @Test("a bridge killed by -9 that starts again under its nickname answers the next health check")
    func killedAndStartedAgain() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        try await withDaemon(Daemon.client(port: Int(prosody.port))) { daemon in
            try await expectHealthCheckAnswered(prosody)
            daemon.send(signal: SIGKILL)
            #expect(await daemon.waitForEnd(seconds: 30) == SIGKILL)
            try daemon.startAgain()
            #expect(try await daemon.waitForLog("Joined the brewery", count: 2), "\(daemon.log)")
            // The first attempt succeeds: Prosody ends the dead session in favour of the new one of the same resource.
            #expect(daemon.count("retry_ms=") == 0, "\(daemon.log)")
            try await expectHealthCheckAnswered(prosody)
            #expect(daemon.count("Another session uses our nickname") == 0, "\(daemon.log)")
        }
    }

    @Test("one of two calls is expired by PATCH while media flows; the other one never notices")
    func expiredWhileMediaFlows() async throws {
        try await withDaemon { daemon in
            let survivor = try LoadCall(on: daemon, seconds: 6)
            #expect(try await daemon.wait { try await conferences(daemon).count == 1 })
            let kept = try await conferences(daemon)
            let victim = try LoadCall(on: daemon, seconds: 6, ["--seed", "2"])
            #expect(try await daemon.wait { try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 6 })
            let both = try await conferences(daemon)
            #expect(both.count == 2 && kept.isSubset(of: both))
            let meeting = try #require(both.subtracting(kept).first)
            let answer = try await daemon.curl(
                "/colibri/v2/conferences/\(meeting)",
                ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", #"{"expire":true}"#])
            #expect((200...204).contains(answer.status), "\(answer)")
            #expect(try await daemon.wait(5) { try await conferences(daemon) == kept })
            #expect(await survivor.wait() == 0, "\(survivor.text)")
            #expect(try survivor.outcome().perfect)
            let status = await victim.wait()
            #expect(status != nil && status != 0, "a call without a bridge is not perfect")
            #expect(daemon.isRunning && daemon.status("/about/health") == 200)
            #expect(try await daemon.wait(5) { try await conferences(daemon).isEmpty })
        }
    }

    /// The meeting identifiers that `/debug` lists.
    private func conferences(_ daemon: Daemon) async throws -> Set<String> {
        struct Document: Decodable {
            struct Conference: Decodable {
                let meeting_id: String
            }
            let conferences: [String: Conference]
        }
        let body = try await daemon.curl("/debug").body
        let document = try JSONDecoder().decode(Document.self, from: Data(body.utf8))
        return Set(document.conferences.values.map(\.meeting_id))
    }
}
