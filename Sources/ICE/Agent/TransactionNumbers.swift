// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// Makes the numbers of our own checks.
///
/// An answer proves that its sender receives at the address we asked only if it cannot be written without having seen
/// the question. A member of a call knows the password of its own session, so the number is all it has to guess; and it
/// sees the numbers of the checks that reach it. So they are not taken from the agent's generator, whose state a few
/// outputs give away, but made with a key (RFC 8489 §5 asks for a cryptographically random number).
struct TransactionNumbers {
    private let owner: TransactionOwner
    private let key: [UInt8]
    private var count: UInt64 = 0

    init(owner: TransactionOwner, key: [UInt8]) {
        self.owner = owner
        self.key = key
    }

    mutating func next() -> TransactionID {
        count &+= 1
        var text = ByteWriter(capacity: 8)
        text.uint64(count)
        let digest = MessageDigest.hmacSHA1(key: key, text.bytes.rawSpan)
        return TransactionID(owner: owner, secret: digest.rawSpan.uint64(at: 0))
    }
}
