// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// One login in progress (RFC 6120 §6): the mechanism chosen and what it still waits for.
struct SASLExchange {
    /// The mechanisms this client speaks, best first.
    enum Mechanism: String, CaseIterable {
        case scramSHA256 = "SCRAM-SHA-256"
        case scramSHA1 = "SCRAM-SHA-1"
        case plain = "PLAIN"
    }

    let mechanism: Mechanism
    private var scram: SCRAM?
    private let plain: [UInt8]

    /// Chooses the best of `offered`; `nil` when none is acceptable. PLAIN is acceptable only inside TLS.
    init?(offered: [String], isEncrypted: Bool, username: String, password: String, nonce: [UInt8]) {
        let acceptable = Mechanism.allCases.first { offered.contains($0.rawValue) && ($0 != .plain || isEncrypted) }
        guard let acceptable else { return nil }
        mechanism = acceptable
        plain = acceptable == .plain ? [0] + Array(username.utf8) + [0] + Array(password.utf8) : []
        switch acceptable {
        case .scramSHA256: scram = SCRAM(hash: .sha256, username: username, password: password, nonce: nonce)
        case .scramSHA1: scram = SCRAM(hash: .sha1, username: username, password: password, nonce: nonce)
        case .plain: scram = nil
        }
    }

    /// The initial response, in base64.
    var initialResponse: String {
        Base64.encode(scram.map { Array($0.first.utf8) } ?? plain)
    }

    /// Answers a challenge; both in base64.
    mutating func answer(_ challenge: String) throws(SCRAM.Failure) -> String {
        guard let text = Self.decode(challenge), var exchange = scram else { throw .malformed }
        defer { scram = exchange }
        if text.hasPrefix("v=") || text.hasPrefix("e=") {
            try exchange.verify(text)
            return ""
        }
        return Base64.encode(Array(try exchange.answer(text).utf8))
    }

    /// Takes the data that came with the server's success; throws when the server has not proved itself.
    mutating func finish(_ text: String) throws(SCRAM.Failure) {
        guard var exchange = scram, !exchange.isServerVerified else { return }
        guard let message = Self.decode(text) else { throw .malformed }
        try exchange.verify(message)
        scram = exchange
    }

    private static func decode(_ text: String) -> String? {
        guard text.utf8.count <= XMPPLimits.saslMessageBytes, let bytes = Base64.decode(text) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
