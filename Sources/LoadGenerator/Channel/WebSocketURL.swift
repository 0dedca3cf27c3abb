// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Where a bridge says its WebSocket is (control-plane.md 4.4). The path holds a password: it is not printed.
struct WebSocketURL: Equatable, Sendable {
    let isSecure: Bool
    /// Host and port as they stand in the address.
    let authority: String
    let host: String
    let port: UInt16
    /// Path and query.
    let path: String

    /// Reads `ws://…` or `wss://…`; `nil` for anything else.
    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
        switch text[..<colon].lowercased() {
        case "ws": isSecure = false
        case "wss": isSecure = true
        default: return nil
        }
        let rest = text[text.index(colon, offsetBy: 3)...]
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        authority = String(rest[..<end])
        let tail = rest[end...].prefix { $0 != "#" }
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
        // Nothing that would end the request line.
        guard path.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), authority.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            return nil
        }
        do {
            (host, port) = try LoadOptions.hostAndPort(authority, defaultPort: isSecure ? 443 : 80)
        } catch {
            return nil
        }
    }
}
