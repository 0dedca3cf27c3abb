// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// The client side of SCRAM without channel binding (RFC 5802, RFC 7677).
///
/// Three messages: our first, the server's challenge answered by our proof, the server's own proof, which must be right
/// before the login counts: it shows that the server knows the password, too.
struct SCRAM {
    enum Failure: Error, Hashable {
        /// The server's message does not parse, or its nonce does not extend ours.
        case malformed
        /// The server asks for more hashing than ``XMPPLimits/scramIterations``.
        case tooManyIterations
        /// The server's proof is wrong.
        case wrongServerSignature
        /// The server names an error (`e=`).
        case refused
    }

    private let hash: HashFunction
    private let password: [UInt8]
    private let nonce: String
    private let bareFirst: String
    private var serverSignature: [UInt8]?
    private(set) var isServerVerified = false

    /// - Parameter nonce: random bytes that have never been used before.
    init(hash: HashFunction, username: String, password: String, nonce: [UInt8]) {
        self.hash = hash
        self.password = Array(password.utf8)
        self.nonce = Base64.encode(nonce)
        bareFirst = "n=" + Self.escapedName(username) + ",r=" + self.nonce
    }

    /// The client's first message. `n`: this client does not do channel binding (control-plane.md 1.2).
    var first: String { "n,," + bareFirst }

    /// Answers the server's challenge `r=…,s=…,i=…`.
    mutating func answer(_ challenge: String) throws(Failure) -> String {
        let fields = Self.fields(challenge)
        // RFC 5802 §5.1: an extension that the client does not know and that is mandatory (`m=`) ends the exchange.
        guard fields["m"] == nil, let serverNonce = fields["r"], serverNonce.hasPrefix(nonce),
            serverNonce.utf8.count > nonce.utf8.count, let salt = fields["s"].flatMap({ Base64.decode($0) }),
            let iterations = fields["i"].flatMap({ Int($0) }), iterations > 0
        else { throw .malformed }
        guard iterations <= XMPPLimits.scramIterations else { throw .tooManyIterations }

        guard let salted = derive(salt: salt, iterations: iterations) else { throw .malformed }
        let clientKey = mac(salted, "Client Key")
        let withoutProof = "c=biws,r=" + serverNonce
        let message = bareFirst + "," + challenge + "," + withoutProof
        let signature = mac(digest(clientKey), message)
        serverSignature = mac(mac(salted, "Server Key"), message)
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        return withoutProof + ",p=" + Base64.encode(proof)
    }

    /// Checks the server's last message `v=…`.
    mutating func verify(_ final: String) throws(Failure) {
        let fields = Self.fields(final)
        guard fields["e"] == nil else { throw .refused }
        guard let expected = serverSignature, let value = fields["v"].flatMap({ Base64.decode($0) }) else {
            throw .malformed
        }
        guard value == expected else { throw .wrongServerSignature }
        isServerVerified = true
    }

    private func derive(salt: [UInt8], iterations: Int) -> [UInt8]? {
        MessageDigest.pbkdf2(password: password, salt: salt, iterations: iterations, hash: hash)
    }

    private func mac(_ key: [UInt8], _ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return MessageDigest.hmac(hash, key: key, bytes.rawSpan)
    }

    private func digest(_ bytes: [UInt8]) -> [UInt8] {
        MessageDigest.hash(hash, bytes.rawSpan)
    }

    /// RFC 5802 §5.1: `,` and `=` of a name are written as `=2C` and `=3D`.
    private static func escapedName(_ name: String) -> String {
        var result = ""
        for character in name.unicodeScalars {
            switch character {
            case ",": result += "=2C"
            case "=": result += "=3D"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// Splits `a=x,b=y`. The first of equal keys counts.
    private static func fields(_ message: String) -> [String: String] {
        var result: [String: String] = [:]
        for part in message.split(separator: ",") {
            guard let sign = part.firstIndex(of: "=") else { continue }
            let key = String(part[..<sign])
            if result[key] == nil { result[key] = String(part[part.index(after: sign)...]) }
        }
        return result
    }
}
