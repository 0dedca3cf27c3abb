// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import BridgeConfiguration

@Suite("Settings of the HTTP servers and of WebSockets")
struct HTTPSettingsTests {
    private func load(_ text: String) throws -> LoadedSettings {
        try BridgeSettings.load(Array(text.utf8), file: "jvb.conf")
    }

    private func failure(_ text: String) -> String {
        do {
            _ = try load(text)
            return "none"
        } catch { return "\(error)" }
    }

    private let channel = "videobridge { http-servers.public.port = 9090, websockets { enabled = true"

    @Test("the public server and WebSockets are off unless they are asked for")
    func defaults() throws {
        let settings = try load("").settings
        #expect(settings.publicHTTP.port == nil && settings.webSockets == nil && settings.http.tls == nil)
        #expect(settings.http.port == 8_080 && settings.http.host == "127.0.0.1")
    }

    @Test("the file of Debian's package means what it means to the original")
    func debian() throws {
        let loaded = try load(SampleFiles.debian)
        #expect(loaded.settings.publicHTTP.port == 9_090 && loaded.settings.publicHTTP.host == "")
        let webSockets = try #require(loaded.settings.webSockets)
        #expect(webSockets.addressPrefixes == ["wss://meet.example.org:443/colibri-ws/default-id/"])
        #expect(webSockets.isCompressed && webSockets.pingInterval == .seconds(15))
        #expect(webSockets.idleTime == .seconds(60))
        #expect(!loaded.notices.contains { $0.message.contains("websockets") })
    }

    @Test("several domains are several addresses, the single one first and none twice")
    func domains() throws {
        let text = channel + ", server-id = jvb-1, domain = b, domains = [\"a:1\", b, \"\", \"[2001:db8::1]:2\"] } }"
        let webSockets = try #require(try load(text).settings.webSockets)
        #expect(
            webSockets.addressPrefixes == [
                "ws://b/colibri-ws/jvb-1/", "ws://a:1/colibri-ws/jvb-1/", "ws://[2001:db8::1]:2/colibri-ws/jvb-1/",
            ])
    }

    @Test("wss is advertised where the public server has TLS, and where one says so")
    func secure() throws {
        let tls = "\nvideobridge.http-servers.public { key-store-path = /a.p12, tls-port = 443 }"
        for (more, isSecure) in [("", false), (", tls = true", true)] {
            #expect(try load(channel + more + " } }").settings.webSockets?.isSecure == isSecure)
        }
        for (more, isSecure) in [("", true), (", tls = false", false)] {
            #expect(try load(channel + more + " } }" + tls).settings.webSockets?.isSecure == isSecure)
        }
    }

    @Test("pings and compression can be switched off; periods that would make a timer spin are errors")
    func switches() throws {
        let off = ", send-keepalive-pings = false, enable-compression = false, idle-timeout = 90 s } }"
        let webSockets = try #require(try load(channel + off).settings.webSockets)
        #expect(webSockets.pingInterval == nil && !webSockets.isCompressed && webSockets.idleTime == .seconds(90))
        for key in ["keepalive-ping-interval", "idle-timeout"] {
            #expect(failure(channel + ", \(key) = 0 } }").contains("\(key) must be at least 10 ms"))
        }
    }

    @Test("what nobody can reach is warned of")
    func unreachable() throws {
        let nothing = try load("videobridge.websockets.enabled = true").notices.map(\.message)
        #expect(nothing.contains { $0.contains("nothing is advertised") })
        #expect(nothing.contains { $0.contains("the public HTTP server is off") })
    }

    @Test("a server id that a URL or a proxy would not take is an error", arguments: ["a/b", "a b", "ü", "a?b"])
    func serverID(_ id: String) {
        #expect(failure(channel + ", server-id = \"\(id)\" } }").contains("server-id must be of letters"))
    }

    @Test("a key store, or certificate and key, turn TLS on, and tls-port takes the place of port")
    func tls() throws {
        let store = try load(
            "videobridge.http-servers.private { key-store-path = /a.p12, key-store-password = secret }")
        #expect(store.settings.http.port == 8_443)
        #expect(store.settings.http.tls?.path == "/a.p12" && store.settings.http.tls?.password == "secret")
        #expect(store.settings.http.tls?.versions == ["TLSv1.2", "TLSv1.3"])
        #expect(!store.effectiveText.contains("secret"))
        let files = try load(
            """
            videobridge.http-servers.public {
              port = 9090, tls-port = 443, cert-path = /c.pem, key-path = /k.pem, tls-protocols = [TLSv1.3]
            }
            """)
        #expect(files.settings.publicHTTP.port == 443)
        #expect(files.settings.publicHTTP.tls?.path == "/c.pem" && files.settings.publicHTTP.tls?.keyPath == "/k.pem")
        #expect(files.settings.publicHTTP.tls?.versions == ["TLSv1.3"])
    }

    static let errors: [(String, String)] = [
        ("public.tls-port = 443", "tls-port needs"), ("private { port = -1, tls-port = 443 }", "tls-port needs"),
        ("public { port = 9090, key-store-path = /a }", "set videobridge.http-servers.public.tls-port"),
        ("public { key-store-path = /a, cert-path = /b }", "set one of them"),
        ("public { key-store-path = /a, key-path = /b }", "set one of them"), ("public.key-path = /b", "needs"),
        ("public.need-client-auth = true", "not asked for certificates yet"),
        ("private.need-client-auth = true", "not asked for certificates yet"),
        ("public.tls-protocols = [TLSv1.1]", "TLSv1.2"),
    ]

    @Test("TLS that cannot be as it is written is an error with the cure", arguments: errors)
    func mistakes(_ text: String, _ cure: String) {
        #expect(failure("videobridge.http-servers." + text).contains(cure), "\(failure(text))")
    }
}
