// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import TestSupport
import Testing
import XML
import XMPP

@testable import ControlPlane

/// The server program from its start to its end, with a real Prosody.
@Suite("Bridge life", .needsProsody)
struct BridgeLifeTests {
    private let healthCheck = XMLElement("healthcheck", "http://jitsi.org/protocol/healthcheck")

    /// A folder with a configuration; the folder goes with the value.
    private final class Workplace {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-life-" + UUID().uuidString)
        let httpPort: Int
        let mediaPort: Int

        init(_ more: String = "", xmppPort: UInt16? = nil) throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            httpPort = try Int(freePort(SOCK_STREAM))
            mediaPort = try Int(freePort(SOCK_DGRAM))
            let xmpp = xmppPort.map { port in
                """
                videobridge.apis.xmpp-client.presence-interval = 200 ms
                videobridge.apis.xmpp-client.configs.shard0 {
                  HOSTNAME = 127.0.0.1, PORT = \(port), DOMAIN = \(ProsodyServer.domain), USERNAME = jvb
                  PASSWORD = jvbpass, MUC_JIDS = "\(ProsodyServer.room)", MUC_NICKNAME = via-1
                  DISABLE_CERTIFICATE_VERIFICATION = true
                }
                """
            }
            let text = """
                videobridge.apis.rest.enabled = true
                videobridge.health.require-valid-address = false
                videobridge.http-servers.private.port = \(httpPort)
                videobridge.ice.udp.port = \(mediaPort)
                ice4j.harvest.allowed-addresses = ["127.0.0.1"]
                \(xmpp ?? "")
                \(more)

                """
            try text.write(to: file, atomically: true, encoding: .utf8)
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        var file: URL { folder.appendingPathComponent("jvb.conf") }

        func start(environment: [String: String] = [:]) throws -> ChildProcess {
            try ChildProcess(Repository.bridge, ["--config", file.path], in: folder, environment: environment)
        }

        /// The body of the answer to a request, without a client in between that takes time to start.
        func get(_ path: String) -> String? {
            let descriptor = connectedSocket(port: UInt16(httpPort))
            guard descriptor >= 0 else { return nil }
            defer { close(descriptor) }
            let request = "GET \(path) HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n\r\n"
            guard send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) > 0 else { return nil }
            var answer: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 16_384)
            // Ends when the server closes, as it was asked to.
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                answer += buffer[..<count]
            }
            let text = String(decoding: answer, as: UTF8.self)
            return text.hasPrefix("HTTP/1.1 200") ? text : nil
        }
    }

    @Test("it starts, is healthy, joins the brewery with every statistic Jicofo reads, and ends in order on SIGTERM")
    func wholeLife() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { focus.isInRoom })
        let place = try Workplace("videobridge.relay.region = eu-north", xmppPort: prosody.port)
        let notify = try #require(NotificationSocket(place.folder.appendingPathComponent("notify").path))
        let begin = bench.loop.now
        let bridge = try place.start(environment: ["NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": "200000"])
        var healthyAfter: TimeDelta?
        #expect(
            try await bench.wait {
                if healthyAfter == nil, place.get("/about/health") != nil { healthyAfter = bench.loop.now - begin }
                return healthyAfter != nil && focus.statistics(of: "via-1") != nil
            }, "\(bridge.complaints)")
        let joinedAfter = bench.loop.now - begin
        print(
            "healthy after \(healthyAfter?.milliseconds ?? -1) ms, in the brewery after \(joinedAfter.milliseconds) ms")
        #expect(joinedAfter < .seconds(5))
        let statistics = focus.statistics(of: "via-1") ?? [:]
        for (name, value) in [
            ("healthy", "true"), ("drain", "false"), ("graceful_shutdown", "false"), ("shutting_down", "false"),
            ("region", "eu-north"),
        ] { #expect(statistics[name] == value, "\(name)") }
        for name in ["stress_level", "average_participant_stress", "version", "current_timestamp", "conferences"] {
            #expect(statistics[name] != nil, "\(name)")
        }
        #expect(statistics["relay_id"] == nil)
        var said: [String] = []
        #expect(
            try await bench.wait {
                said += notify.takeMessages()
                return said.contains("READY=1") && said.filter { $0 == "WATCHDOG=1" }.count >= 2
            })
        // Operators look for these words in the log.
        let modify = XMLElement("conference-modify", "jitsi:colibri2", attributes: ["meeting-id": "unknown"])
        let id = focus.send(toOccupant: "via-1", modify)
        #expect(try await bench.wait { focus.outcomes[id] != nil })
        #expect(bridge.complaints.contains("RECV colibri2 request client=shard0 request=1 meeting_id=unknown"))
        #expect(bridge.complaints.contains("SENT colibri2 response client=shard0 request=1 outcome=item-not-found"))
        #expect(place.get("/metrics")?.contains("jitsi_jvb_mucs_joined 1") == true)

        said += notify.takeMessages()
        kill(bridge.processIdentifier, SIGTERM)
        #expect(
            try await bench.wait {
                said += notify.takeMessages()
                return focus.occupants["via-1"] == nil && said.contains("STOPPING=1")
            })
        #expect(await bridge.wait(seconds: 10) == 143)
        // The last presence before the goodbye announces the end, so that Jicofo moves people at once.
        let last = focus.presences.last { $0.nickname == "via-1" && $0.presence["type"] == nil }
        let stats = last?.presence.child("stats", "http://jitsi.org/protocol/colibri")?.elements
        #expect(stats?.first { $0["name"] == "shutting_down" }?["value"] == "true")
        for word in ["Joined the brewery", "Stopping", "Stopped"] { #expect(bridge.complaints.contains(word)) }
        #expect(!bridge.complaints.contains("jvbpass"))
    }

    @Test("cuts, and a server that crashes and comes back, are survived, each with its line in the log")
    func troubles() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let proxy = try CuttableProxy(target: prosody.port)
        proxy.start()
        let bench = try XMPPBench(prosody)
        let focus = bench.focus(port: prosody.port)
        let place = try Workplace(xmppPort: proxy.port)
        let bridge = try place.start()
        #expect(try await bench.wait { focus.statistics(of: "via-1") != nil })
        func logins() -> Int { bridge.complaints.components(separatedBy: "Logged in").count - 1 }
        for _ in 0..<3 {
            let before = logins()
            proxy.cut()
            _ = try await bench.wait(0.1) { false }
            proxy.mend()
            #expect(try await bench.wait { logins() == before + 1 }, "\(bridge.complaints)")
        }
        #expect(bridge.complaints.contains("resumed=true"))
        #expect(bridge.complaints.contains("The connection to the XMPP server broke"))
        prosody.kill()
        try await prosody.waitForEnd()
        #expect(try await bench.wait { bridge.complaints.contains("closed by the server") })
        try await prosody.start()
        let begin = bench.loop.now
        var isAnswered = false
        while !isAnswered, bench.loop.now - begin < .seconds(30) {
            guard focus.isInRoom, focus.statistics(of: "via-1") != nil else {
                _ = try await bench.wait(0.02) { false }
                continue
            }
            let id = focus.send(toOccupant: "via-1", healthCheck)
            _ = try await bench.wait(2) { focus.outcomes[id] != nil }
            isAnswered = focus.outcomes[id] == .result(nil)
        }
        #expect(isAnswered, "\(bridge.complaints)")
        #expect(bridge.isRunning)
        #expect(place.get("/about/health") != nil)
        await bridge.end()
        proxy.stop()
    }
}
