// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What `Peers/conversation.py` prints of one call. All tests share one run of it, since browsers are expensive.
struct Conversation: Decodable {
    struct Station: Decodable {
        let reached: Bool
        let seconds: Double
        /// The classes of the first messages of each tab, `open` where the channel opened.
        let onConnect: [String: [String]]?
        /// Seconds until everybody was told of a new speaker.
        let changes: [Double]?
        /// The longest pause in what anybody received, in milliseconds, per endpoint with which something was done.
        let gaps: [String: Double]?
        /// Packets that receivers missed.
        let lost: Int?
        let secondsUntilBack, secondsUntilTold: [String: Double]?
        let timesToldAway: Int?
        /// The scheme of the address that each tab dials.
        let schemes: [String: String]?
    }
    let stations: [String: Station]
    let errors: [String]
    let seconds: Double

    /// A station that was reached.
    func station(_ name: String) throws -> Station {
        let station = try #require(stations[name], "not travelled to; \(errors)")
        try #require(station.reached, "\(name): \(errors)")
        return station
    }

    /// A call of the one run.
    static func call(_ name: String) async throws -> Conversation {
        try #require(try await run.value[name])
    }

    private static let run = Task {
        let publicPort = try freePort(SOCK_STREAM)
        let configuration = """
            videobridge.http-servers.public { host = 127.0.0.1, port = \(publicPort) }
            videobridge.websockets { enabled = true, server-id = test, domain = "127.0.0.1:\(publicPort)", tls = false }
            videobridge.speech-activity.enable-silence-detection = true
            # The minute after which the silent are removed, and between two looks at them, is long for a test.
            videobridge.entity-expiration { timeout = 20 s, check-interval = 1 s }
            """
        return try await withBridge(configuration) { bridge in
            let script = try ChildProcess(
                URL(fileURLWithPath: "/usr/bin/env"),
                script(at: bridge.address, media: "127.0.0.1:\(bridge.mediaPort)"), in: bridge.folder)
            return try await result(of: script) { bridge.log }
        }
    }

    /// The call over WebSockets for which the bridge advertises an nginx in front of it, with TLS by a certificate
    /// whose authority Firefox is told to trust.
    /// - Returns: the call, and how many WebSockets the bridge has let in.
    static func proxied() async throws -> (Conversation, webSockets: Double?) {
        let (proxyPort, publicPort) = (try freePort(SOCK_STREAM), try freePort(SOCK_STREAM))
        let configuration = """
            videobridge.http-servers.public { host = 127.0.0.1, port = \(publicPort) }
            videobridge.websockets { enabled = true, server-id = jvb-1, domain = "127.0.0.1:\(proxyPort)", tls = true }
            """
        let authority = try OpenSSLProgram(key: "ec")
        let identity = try authority.certify()
        return try await withBridge(configuration) { bridge in
            let certificate =
                "ssl_certificate \(identity.certificateFile); ssl_certificate_key \(identity.keyFile);"
            let nginx = try ReverseProxy(
                in: bridge.folder,
                http: NginxConfiguration.channels(listen: "\(proxyPort) ssl", bridge: publicPort, more: certificate))
            defer { nginx.end() }
            let script = try ChildProcess(
                URL(fileURLWithPath: "/usr/bin/env"),
                script(at: bridge.address, media: "127.0.0.1:\(bridge.mediaPort)")
                    + ["--proxy", nginx.numberFile, "--authority", authority.certificateFile, "proxied"],
                in: bridge.folder)
            let calls = try await result(of: script) { bridge.log + nginx.log }
            let metrics = await bridge.get("/metrics")?.body.split(separator: "\n") ?? []
            let opened = metrics.first { $0.contains("websockets_opened_total ") }
            return (try #require(calls["proxied"]), opened?.split(separator: " ").last.flatMap { Double($0) })
        }
    }

    /// The call on a laptop with two networks.
    static func roaming() async throws -> Conversation {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let configuration = """
            videobridge.apis.rest.enabled = true
            videobridge.http-servers.private.host = 0.0.0.0
            videobridge.health.require-valid-address = false
            ice4j.harvest.allowed-addresses = ["203.0.113.1"]

            """
        try configuration.write(to: folder.appendingPathComponent("jvb.conf"), atomically: true, encoding: .utf8)
        let laptop = try ChildProcess(
            URL(fileURLWithPath: Repository.script("laptop")),
            [Repository.bridge.path, folder.path, "env"]
                + script(at: "203.0.113.1:8080", media: "203.0.113.1:10000") + ["roaming"], in: folder)
        let calls = try await result(of: laptop) {
            (try? String(contentsOf: folder.appendingPathComponent("bridge.log"), encoding: .utf8)) ?? ""
        }
        return try #require(calls["roaming"])
    }

    private static func script(at address: String, media: String) -> [String] {
        let pictures = Repository.products.appendingPathComponent("pictures").path
        print("pictures of the browsers' journeys: \(pictures)")
        return [
            "python3", Repository.script("conversation.py"), "--bridge", address, "--media", media, "--pictures",
            pictures,
        ]
    }

    private static func result(of script: ChildProcess, log: () -> String) async throws -> [String: Conversation] {
        let status = await script.wait(seconds: 400)
        let calls = try? JSONDecoder().decode([String: Conversation].self, from: Data(script.output.utf8))
        guard let calls else {
            throw SetupError(description: "status \(status ?? -1): \(script.output)\n\(script.complaints)\n\(log())")
        }
        if calls.values.contains(where: { !$0.errors.isEmpty }) { print(script.complaints, log()) }
        return calls
    }
}
