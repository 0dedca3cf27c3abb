// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The bridge channel between generator and bridge, both as programs.
@Suite("Generator: bridge channel", .serialized)
struct GeneratorChannelTests {
    /// What counts of a result.
    private struct Outcome: Decodable {
        struct Times: Decodable {
            let count: Int
            let max: Double
        }
        struct Channel: Decodable {
            let carrier: String
            let open: Int
            let server_hellos: Int
            let speaker_changes_expected: Int
            let speaker_changes_told: Int
            let speaker_change_us: Times
            let messages_expected: Int
            let messages_arrived: Int
            let endpoint_stats_received: Int
            let forwarded_sources: Int
        }
        let perfect: Bool
        let bridge_channel: Channel?
    }

    /// How the channel comes to the bridge.
    enum Way: CaseIterable {
        case dataChannel, webSocket, webSocketOverTLS

        var option: String { self == .dataChannel ? "--channel sctp" : "--channel websocket" }
    }

    /// A bridge whose public port serves WebSockets.
    private func withBridge(_ way: Way, _ body: (Daemon) async throws -> Void) async throws {
        let port = try freePort()
        let certificate = try OpenSSLProgram(key: "ec")
        let door =
            way == .webSocketOverTLS
            ? #"tls-port = \#(port), cert-path = "\#(certificate.certificateFile)", key-path = "\#(certificate.keyFile)""#
            : "port = \(port)"
        let configuration = """
            videobridge.http-servers.public { host = "127.0.0.1", \(door) }
            videobridge.websockets { enabled = true, domains = ["127.0.0.1:\(port)"] }
            """
        // Its files go with it.
        defer { withExtendedLifetime(certificate) {} }
        try await withDaemon(configuration, body)
    }

    private func call(_ line: String, on daemon: Daemon) async throws -> (run: GeneratorRun, outcome: Outcome) {
        let file = daemon.folder.appendingPathComponent("result-" + UUID().uuidString)
        let run = try await GeneratorRun(
            "--rest http://127.0.0.1:\(daemon.httpPort) --json \(file.path) \(line)", limit: 120)
        return (run, try JSONDecoder().decode(Outcome.self, from: try Data(contentsOf: file)))
    }

    @Test("three are told each speaker, and get each other's messages", arguments: Way.allCases)
    func calls(way: Way) async throws {
        try await withBridge(way) { daemon in
            let (run, outcome) = try await call("\(way.option) --duration 9 --turn 3", on: daemon)
            #expect(run.status == 0, "\(run)\n\(daemon.log)")
            let channel = try #require(outcome.bridge_channel)
            #expect(way.option.hasSuffix(channel.carrier) && channel.open == 3 && channel.server_hellos == 3)
            #expect(channel.speaker_changes_told == 9 && channel.speaker_changes_expected == 9)
            // Recognised after half a second at the earliest, with the constants of media-plane.md 10.2.
            #expect(channel.speaker_change_us.max > 300_000 && channel.speaker_change_us.max < 2_500_000)
            #expect(channel.messages_expected == 9 && channel.messages_arrived == 9)
            #expect(channel.endpoint_stats_received >= 6 && channel.forwarded_sources >= 3)
        }
    }

    @Test("without a channel nothing is asked for, and the result says nothing of one")
    func none() async throws {
        try await withDaemon { daemon in
            let (run, outcome) = try await call("--channel none --duration 1", on: daemon)
            #expect(run.status == 0, "\(run)")
            #expect(outcome.perfect && outcome.bridge_channel == nil && !run.output.contains("channel"))
        }
    }

    @Test("who could ask for pictures and does not gets sound alone")
    func silent() async throws {
        try await withBridge(.webSocket) { daemon in
            let quiet = "--channel none --video-senders 0 --duration 1"
            let (_, heard) = try await call(quiet, on: daemon)
            #expect(heard.perfect)
            let (unseen, _) = try await call("--channel none --duration 1", on: daemon)
            #expect(unseen.status == 1)
        }
    }

    @Test("a hundred broadcast to each other, two of them talk", arguments: [Way.dataChannel, .webSocket])
    func hundred(way: Way) async throws {
        try await withBridge(way) { daemon in
            let line = "--participants 100 --audio-senders 2 --video-senders 0 --duration 6 --turn 3 --verify headers"
            let (run, outcome) = try await call("\(way.option) \(line)", on: daemon)
            #expect(run.status == 0, "\(run)\n\(daemon.log)")
            let channel = try #require(outcome.bridge_channel)
            #expect(channel.messages_expected == 100 * 99 + 100 && channel.messages_arrived == 10_000)
            #expect(channel.speaker_changes_told == 200)
        }
    }

    /// An answer with everything in it and a candidate where nobody listens.
    private func transport(_ channel: String) throws -> String {
        let print = (0..<32).map { _ in "AB" }.joined(separator: ":")
        return """
            {"endpoints":[{"id":"ENDPOINT","transport":{"transport":{"ufrag":"abcd","pwd":"abcdefghijklmnopqrstuv",
            \(channel)"fingerprints":[{"hash":"sha-256","setup":"actpass","fingerprint":"\(print)"}],"candidates":[
            {"ip":"127.0.0.1","port":"\(try UDPSocket(port: 0).port)","protocol":"udp","priority":"1"}]}}}]}
            """
    }

    private func failure(_ carrier: String, _ channel: String = "") async throws -> GeneratorRun {
        let bridge = try FakeBridge(.answer(200, try transport(channel)))
        defer { bridge.stop() }
        return try await GeneratorRun(
            "--rest http://127.0.0.1:\(bridge.port) --join-timeout 2 --channel \(carrier) --participants 1")
    }

    @Test("a bridge that offers no channel is named before anybody waits")
    func notOffered() async throws {
        let sctp = try await failure("sctp")
        #expect(sctp.status == 2)
        #expect(
            sctp.onlyLine
                == "viaduct-load: unusable answer of the bridge: no SCTP port, though a data channel was asked for")
        let webSocket = try await failure("websocket")
        #expect(webSocket.status == 2)
        #expect(
            webSocket.onlyLine == "viaduct-load: unusable answer of the bridge: no web-socket address "
                + "(are WebSockets switched on there?)")
        let odd = try await failure("websocket", #""web-sockets":["http://127.0.0.1/"],"#)
        #expect(odd.onlyLine == "viaduct-load: unusable answer of the bridge: unusable web-socket address")
    }

    @Test("a WebSocket that is refused, hung up on or not there is named")
    func refused() async throws {
        let reason = "viaduct-load: nobody was connected: participant 0: bridge channel: "
        for (manner, line) in [
            (FakeBridge.Manner.answer(403, ""), "the bridge answered the WebSocket handshake with HTTP 403"),
            (.hangUp, "the bridge hung up"),
        ] {
            let server = try FakeBridge(manner)
            let run = try await failure("websocket", #""web-sockets":["ws://127.0.0.1:\#(server.port)/x?pwd=secret"],"#)
            server.stop()
            #expect(run.status == 2)
            #expect(run.onlyLine?.hasPrefix(reason) == true && run.onlyLine?.hasSuffix(line) == true, "\(run)")
            #expect(!run.complaints.contains("secret"))
        }
        let port = try freePort()
        let run = try await failure("websocket", #""web-sockets":["ws://127.0.0.1:\#(port)/x?pwd=secret"],"#)
        #expect(run.status == 2 && run.onlyLine == reason + "127.0.0.1:\(port): Connection refused", "\(run)")
    }
}
