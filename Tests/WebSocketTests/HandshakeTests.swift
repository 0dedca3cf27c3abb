// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

@testable import WebSocket

@Suite("WebSocket, handshake")
struct HandshakeTests {
    static let good = [
        "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]

    private func judge(
        _ changes: [String: String], without missing: String = "", isHTTP10: Bool = false, allowsDeflate: Bool = true
    ) -> Handshake {
        var fields = Self.good.merging(changes) { $1 }
        fields[missing] = nil
        return Handshake(isHTTP10: isHTTP10, allowsDeflate: allowsDeflate) { fields[$0] }
    }

    private func extensions(_ offer: String) -> String? {
        guard case .acceptable(let acceptance) = judge(["sec-websocket-extensions": offer]) else { return "refused" }
        return acceptance.extensions
    }

    @Test("the example of RFC 6455 1.3 gets its answer")
    func example() {
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        #expect(judge([:]) == .acceptable(Handshake.Acceptance(accept: accept, extensions: nil)))
        let variations = [
            ["connection": "keep-alive, Upgrade"], ["upgrade": "WebSocket"], ["upgrade": "h2c , websocket"],
        ]
        for changes in variations {
            #expect(judge(changes) == .acceptable(Handshake.Acceptance(accept: accept, extensions: nil)))
        }
    }

    @Test("what is no upgrade, or not this version's, is told so; what is malformed is refused")
    func refused() {
        #expect(judge([:], without: "upgrade") == .upgradeRequired)
        #expect(judge([:], without: "connection") == .upgradeRequired)
        #expect(judge(["upgrade": "h2c"]) == .upgradeRequired)
        #expect(judge(["connection": "close"]) == .upgradeRequired)
        #expect(judge([:], isHTTP10: true) == .upgradeRequired)
        for version in ["8", "14", "13, 8", "", "013"] {
            #expect(judge(["sec-websocket-version": version]) == .unsupportedVersion)
        }
        #expect(judge([:], without: "sec-websocket-version") == .malformed)
        #expect(judge([:], without: "sec-websocket-key") == .malformed)
        for key in ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==, x", "dGhlIHNhbXBsZQ==", "!!!!"] {
            #expect(judge(["sec-websocket-key": key]) == .malformed, "\(key)")
        }
    }

    @Test("compression is agreed on without history, in whatever way it is offered")
    func offers() {
        let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        // As browsers do, and as others may.
        for offer in [
            "permessage-deflate", "permessage-deflate; client_max_window_bits", "Permessage-Deflate",
            "permessage-deflate;client_max_window_bits=8", "permessage-deflate; client_max_window_bits=\"15\"",
            "permessage-deflate; server_no_context_takeover ; client_no_context_takeover",
            "x-webkit-deflate-frame, permessage-deflate",
            "permessage-deflate; server_max_window_bits=9, permessage-deflate",
        ] {
            #expect(extensions(offer) == answer, "\(offer)")
        }
        #expect(
            extensions("permessage-deflate; server_max_window_bits=12; client_max_window_bits=12")
                == answer + "; server_max_window_bits=12")
        #expect(extensions("permessage-deflate; server_max_window_bits=15") == answer + "; server_max_window_bits=12")
    }

    @Test("an offer that cannot be met is passed over, and the connection stands without compression")
    func impossibleOffers() {
        for offer in [
            "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=11",
            "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; client_max_window_bits=", "permessage-deflate; mystery",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "permessage-deflate; =",
            "x-webkit-deflate-frame", "", ",;,;", "permessage-deflate" + String(repeating: "; a", count: 30),
            String(repeating: "x, ", count: 30) + "permessage-deflate",
        ] {
            #expect(extensions(offer) == nil, "\(offer)")
        }
        let off = judge(["sec-websocket-extensions": "permessage-deflate"], allowsDeflate: false)
        guard case .acceptable(let acceptance) = off else {
            Issue.record("refused")
            return
        }
        #expect(!acceptance.isDeflated)
    }
}
