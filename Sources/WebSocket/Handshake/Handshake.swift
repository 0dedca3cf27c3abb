// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// The server's half of the opening handshake (RFC 6455 4.2): judges a request, says what the 101 must hold.
public enum Handshake: Equatable, Sendable {
    /// The request may be answered with 101 and these.
    case acceptable(Acceptance)
    /// No upgrade is asked for, or one that HTTP/1.0 does not know: 426 (RFC 9110 15.5.22).
    case upgradeRequired
    /// A version of the protocol other than 13: 426 with ``version`` (RFC 6455 4.4).
    case unsupportedVersion
    /// Malformed: 400.
    case malformed

    /// What was agreed on.
    public struct Acceptance: Equatable, Sendable {
        /// `Sec-WebSocket-Accept`.
        public let accept: String
        /// `Sec-WebSocket-Extensions`; `nil` leaves it out.
        public let extensions: String?
        /// Whether messages may be compressed (RFC 7692).
        public var isDeflated: Bool { extensions != nil }
    }

    /// The protocol's version.
    public static let version = "13"

    /// Judges a GET request without a body.
    ///
    /// - Parameters:
    ///   - isHTTP10: whether the request's version is 1.0, in which an upgrade means nothing (RFC 9110 7.8).
    ///   - allowsDeflate: whether compression may be agreed on.
    ///   - field: the value of a header by its name in lower case; several lines are joined by commas.
    public init(isHTTP10: Bool, allowsDeflate: Bool, field: (String) -> String?) {
        guard !isHTTP10, Self.members(field("upgrade")).contains("websocket"),
            Self.members(field("connection")).contains("upgrade")
        else {
            self = .upgradeRequired
            return
        }
        guard let version = field("sec-websocket-version"), let key = field("sec-websocket-key") else {
            self = .malformed
            return
        }
        guard version == Self.version else {
            self = .unsupportedVersion
            return
        }
        // RFC 6455 4.2.1: sixteen bytes in base64.
        guard let nonce = Base64.decode(key), nonce.count == 16 else {
            self = .malformed
            return
        }
        var extensions: String?
        if allowsDeflate, let offers = field("sec-websocket-extensions") {
            extensions = DeflateOffer.answer(to: offers)
        }
        self = .acceptable(Acceptance(accept: Self.accept(for: key), extensions: extensions))
    }

    /// `Sec-WebSocket-Accept` for a key (RFC 6455 4.2.2).
    static func accept(for key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        return Base64.encode(MessageDigest.sha1(text.rawSpan))
    }

    private static func members(_ value: String?) -> [String] {
        (value ?? "").split(separator: ",").map { $0.trimmingSpace.lowercased() }
    }
}

extension Substring {
    /// Without spaces and tabulators at both ends.
    var trimmingSpace: String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        var rest = self
        while let first = rest.first, isSpace(first) { rest.removeFirst() }
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(rest)
    }
}
