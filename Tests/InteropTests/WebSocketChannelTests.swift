// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The bridge channel over WebSocket: a whole bridge, nginx in front of it as deployments have it, and a client that
/// shares no code with us.
@Suite("WebSocket channel", .enabled(if: Peers.hasPython, "no .venv: run make bootstrap"))
struct WebSocketChannelTests {
    private struct Seen: Decodable {
        let addresses: Int
        let hello: [[String: String]]
        let extensions: [String]
        let numbers: Bool
        let from: String
        let replaced, expired: Ending
        let helloAgain, stillThere: [String: String]
        let refused: [Int]
        let otherServer, afterwards: Int
    }

    /// `[code, text]`.
    private struct Ending: Decodable, Equatable {
        let code: Int
        let text: String

        init(_ code: Int, _ text: String) { (self.code, self.text) = (code, text) }
        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            code = try list.decode(Int.self)
            text = try list.decode(String.self)
        }
    }

    @Test("two endpoints talk through nginx; a second socket replaces the first, the endpoint's end closes it")
    func throughNginx() async throws {
        let (proxyPort, publicPort) = (try freePort(SOCK_STREAM), try freePort(SOCK_STREAM))
        let configuration = """
            videobridge.http-servers.public { host = 127.0.0.1, port = \(publicPort) }
            videobridge.websockets {
              enabled = true, server-id = jvb-1, domain = "127.0.0.1:\(proxyPort)"
              domains = ["127.0.0.1:\(publicPort)"]
            }
            """
        try await withDaemon(configuration) { daemon in
            let nginx = try ReverseProxy(
                in: daemon.folder, http: NginxConfiguration.channels(listen: "\(proxyPort)", bridge: publicPort))
            defer { nginx.end() }
            #expect(try await daemon.wait { RawClient(port: proxyPort) != nil })
            let script = try ChildProcess(
                Repository.python,
                [Repository.script("websocket_channel.py"), "http://127.0.0.1:\(daemon.httpPort)"], in: daemon.folder)
            #expect(await script.wait(seconds: 60) == 0, "\(script.complaints)\n\(daemon.log)")
            let seen = try JSONDecoder().decode(Seen.self, from: Data(script.output.utf8))
            let hello = ["colibriClass": "ServerHello"]
            #expect(seen.addresses == 2 && seen.hello == [hello, hello] && seen.helloAgain == hello)
            #expect(seen.extensions == ["PerMessageDeflate"])
            #expect(seen.numbers && seen.from == "bbbbbbbb" && seen.stillThere == hello)
            #expect(seen.replaced == Ending(1000, "replaced") && seen.expired == Ending(1001, "endpoint closed"))
            #expect(seen.refused == [403, 403, 403, 403, 404] && seen.otherServer == 404 && seen.afterwards == 403)
            #expect(!daemon.log.contains("?pwd="))
        }
    }
}
