// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import OpenSSL
import TestSupport
import Testing
import WebServer

@Suite("HTTP server, TLS")
struct SecureServerTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = try TestIdentity.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func bytes(_ folder: URL, _ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: name)))
    }

    @Test("a WebSocket over TLS: messages both ways, large and small, and an end in order")
    func conversation() throws {
        let hub = try HubThread(identity: TestIdentity.make())
        defer { hub.stop() }
        let client = try #require(FrameClient(hub.port, isSecure: true))
        #expect(client.head.hasPrefix("HTTP/1.1 101 "))
        for size in [1, 100, 16_384, 60_000] {
            let text = String(repeating: "x", count: size)
            client.send(text)
            #expect(client.receiveText() == text)
        }
        client.send("bye")
        #expect(client.receiveClose() == "1000 replaced")
        client.send(bytes: FrameClient.frame(8, [3, 0xE8]))
        #expect(client.receive() == nil)
        #expect(hub.wait { $0.closed.count == 1 })
    }

    @Test("a client that never reads is closed over TLS as well, and the others notice nothing")
    func neverReads() throws {
        let hub = try HubThread(identity: TestIdentity.make())
        defer { hub.stop() }
        let good = try #require(FrameClient(hub.port, isSecure: true))
        let stuck = try #require(FrameClient(hub.port, receiveBuffer: 4_096, isSecure: true))
        #expect(hub.wait { $0.open.count == 2 })
        for _ in 0..<400 {
            #expect(hub.broadcast([UInt8](repeating: 65, count: 10_000)))
            #expect(good.receive()?.payload.count == 10_000)
        }
        #expect(hub.wait { $0.closed.count == 1 })
        _ = stuck
    }

    @Test("curl checks the certificate and speaks TLS 1.2 and 1.3, unless one of them is switched off")
    func versions() throws {
        try withFolder { folder in
            let store = try bytes(folder, "both.pem")
            let cases: [(ClosedRange<TLSServerIdentity.Version>, [String])] = [
                (.tls12 ... .tls13, ["1.2", "1.3"]), (.tls13 ... .tls13, ["1.3"]), (.tls12 ... .tls12, ["1.2"]),
            ]
            for (versions, works) in cases {
                let hub = try HubThread(identity: try TLSServerIdentity(store: store, versions: versions))
                defer { hub.stop() }
                for version in ["1.2", "1.3"] {
                    let url = "https://127.0.0.1:\(hub.port)/colibri-ws/default-id/c/e"
                    let answer = try curl([
                        "--cacert", folder.appending(path: "cert.pem").path, "--tlsv\(version)", "--tls-max", version,
                        "-o", "/dev/null", "-w", "%{http_code}", url,
                    ])
                    #expect(answer.hasSuffix(works.contains(version) ? "426" : "000"), "\(version): \(answer)")
                }
            }
        }
    }

    @Test("TLS 1.1, weak ciphers and plain HTTP are refused, and the next client is served")
    func refused() throws {
        let hub = try HubThread(identity: TestIdentity.make())
        defer { hub.stop() }
        let url = "https://127.0.0.1:\(hub.port)/"
        #expect(try curl(["-k", "--tlsv1.0", "--tls-max", "1.1", url]).contains("curl: (35)"))
        for cipher in ["AES128-SHA", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256"] {
            #expect(try curl(["-k", "--tls-max", "1.2", "--ciphers", cipher, url]).contains("curl: (35)"), "\(cipher)")
        }
        let plain = try #require(RawClient(port: hub.port))
        plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(!plain.receive().contains("HTTP"))
        #expect(try curl(["-k", "-o", "/dev/null", "-w", "%{http_code}", url]) == "404")
    }

    @Test("a client that says goodbye in the middle of an answer costs no processor time")
    func goodbyeBehindRequest() throws {
        let hub = try HubThread(identity: TestIdentity.make())
        defer { hub.stop() }
        let path = "/colibri-ws/default-id/c1/e1?pwd=late"
        let client = try #require(FrameClient(hub.port, path: path, isSecure: true, isHasty: true))
        #expect(hub.wait { $0.requests.count == 1 })
        client.finish()
        let before = hub.server.turns
        // The hub answers meanwhile.
        #expect(hub.wait { $0.closed.count == 1 })
        #expect(hub.server.turns - before < 100)
    }

    @Test("certificate and key come from PEM, together or apart, with a password or without, and from PKCS#12")
    func stores() throws {
        try withFolder { folder in
            let certificate = try bytes(folder, "cert.pem")
            _ = try TLSServerIdentity(store: try bytes(folder, "both.pem"))
            _ = try TLSServerIdentity(store: certificate, key: try bytes(folder, "key.pem"))
            _ = try TLSServerIdentity(store: certificate, key: try bytes(folder, "locked.pem"), password: "secret")
            let store = try bytes(folder, "store.p12")
            let hub = try HubThread(identity: try TLSServerIdentity(store: store, password: "secret"))
            defer { hub.stop() }
            #expect(FrameClient(hub.port, isSecure: true)?.head.hasPrefix("HTTP/1.1 101 ") == true)
        }
    }

    @Test("what cannot be used says why")
    func unusable() throws {
        try withFolder { folder in
            let certificate = try bytes(folder, "cert.pem")
            let cases: [([UInt8], [UInt8]?, String?, String)] = [
                ([0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2], nil, nil, "keytool -importkeystore"),
                (try bytes(folder, "store.p12"), nil, "wrong", "is the password right?"),
                (try bytes(folder, "store.p12"), nil, nil, "is the password right?"),
                (certificate, nil, nil, "no key can be read"),
                (certificate, try bytes(folder, "other.pem"), nil, "key"),
                (certificate, try bytes(folder, "locked.pem"), "wrong", "no key can be read"),
                (certificate, try bytes(folder, "locked.pem"), nil, "no key can be read"),
                (try bytes(folder, "key.pem"), nil, nil, "no certificate"), ([], nil, nil, "neither PEM nor PKCS#12"),
                (Array("rubbish".utf8), nil, nil, "neither PEM nor PKCS#12"),
            ]
            for (store, key, password, reason) in cases {
                let error = #expect(throws: OpenSSLError.self) {
                    try TLSServerIdentity(store: store, key: key, password: password)
                }
                #expect(error?.description.contains(reason) == true, "\(reason): \(String(describing: error))")
            }
        }
    }
}
