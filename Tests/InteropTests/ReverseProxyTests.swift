// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// nginx in front of the private HTTP server, as many operators have it: a client that keeps connections, sends bodies
/// in chunks and reads framing by its own rules.
@Suite("Reverse proxy", .serialized)
struct ReverseProxyTests {
    private func withProxy(_ more: String, _ body: (Daemon, Int) async throws -> Void) async throws {
        try await withDaemon { daemon in
            let port = try Int(freePort(SOCK_STREAM))
            let nginx = try ReverseProxy(
                in: daemon.folder,
                http: """
                    client_max_body_size 8m;
                    upstream bridge { server 127.0.0.1:\(daemon.httpPort); keepalive 4; }
                    server {
                      listen 127.0.0.1:\(port);
                      location / { proxy_pass http://bridge; \(more) }
                    }
                    """)
            defer { nginx.end() }
            #expect(
                try await daemon.wait {
                    try await self.curl(port, "/about/version", daemon).hasSuffix(" 200")
                }, "\(nginx.log)")
            try await body(daemon, port)
        }
    }

    /// What curl prints, with the status code behind it.
    private func curl(_ port: Int, _ path: String, _ daemon: Daemon, _ arguments: [String] = []) async throws -> String
    {
        let all = ["-s", "-m", "10", "-w", " %{http_code}"] + arguments + ["http://127.0.0.1:\(port)\(path)"]
        let curl = try ChildProcess(URL(fileURLWithPath: "/usr/bin/curl"), all, in: daemon.folder)
        _ = await curl.wait(seconds: 15)
        return curl.output
    }

    @Test(
        "what goes through nginx is what the bridge says, on kept connections and on new ones, whole or in chunks",
        arguments: [
            "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_request_buffering off;",
            "proxy_http_version 1.1; proxy_set_header Connection \"\";", "proxy_http_version 1.0;",
        ])
    func proxied(_ more: String) async throws {
        try await withProxy(more) { daemon, port in
            for _ in 0..<20 {
                #expect(try await curl(port, "/about/version", daemon).contains(#""name":"JVB""#))
                #expect(try await curl(port, "/about/health", daemon, ["-I"]).hasSuffix(" 200"))
            }
            let create = #"{"meeting-id":"p1","name":"p1@conference.test","create":true,"endpoints":[]}"#
            let json = ["-H", "Content-Type: application/json", "-d", create]
            #expect(try await curl(port, "/colibri/v2/conferences", daemon, json).hasSuffix(" 200"))
            let chunks = ["-X", "PATCH", "-H", "Transfer-Encoding: chunked", "-d", #"{"expire":true}"#]
            #expect(try await curl(port, "/colibri/v2/conferences/p1", daemon, chunks).hasSuffix(" 200"))
            #expect(try await curl(port, "/colibri/v2/conferences/p1", daemon, chunks).hasSuffix(" 404"))
            let large = daemon.folder.appendingPathComponent("large")
            try Data(repeating: UInt8(ascii: " "), count: 2 << 20).write(to: large)
            let tooLarge = ["-H", "Expect:", "--data-binary", "@\(large.path)"]
            #expect(try await curl(port, "/colibri/v2/conferences", daemon, tooLarge).hasSuffix(" 413"))
            #expect(try await curl(port, "/no/such/path", daemon).hasSuffix(" 404"))
            #expect(try await curl(port, "/about/health", daemon).hasSuffix(" 200"))
        }
    }

    @Test("curl keeps one connection for many requests, bodies and expectations among them")
    func keptConnection() async throws {
        try await withDaemon { daemon in
            let url = "http://127.0.0.1:\(daemon.httpPort)"
            var arguments = ["-s", "-m", "20", "--http1.1", "-w", "%{http_code} %{num_connects}\n", "-o", "/dev/null"]
            for step in 0..<9 {
                if step > 0 {
                    arguments += ["--next", "-s", "-w", "%{http_code} %{num_connects}\n", "-o", "/dev/null"]
                }
                switch step % 3 {
                case 0: arguments += [url + "/about/version"]
                case 1: arguments += ["-H", "Expect: 100-continue", "-d", "x", url + "/colibri/drain/disable"]
                default: arguments += ["-H", "Transfer-Encoding: chunked", "-d", "{", url + "/colibri/v2/conferences"]
                }
            }
            let curl = try ChildProcess(URL(fileURLWithPath: "/usr/bin/curl"), arguments, in: daemon.folder)
            #expect(await curl.wait(seconds: 30) == 0)
            let lines = curl.output.split(separator: "\n")
            #expect(lines.map { $0.prefix(3) } == (0..<9).map { $0 % 3 == 2 ? "400" : "200" })
            #expect(lines.map { $0.suffix(1) } == (0..<9).map { $0 == 0 ? "1" : "0" })
        }
    }
}
