// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The bridge's user fragments. The first characters name the media worker and the session that the fragment belongs
/// to, so that whoever receives the first check of a new address finds the owner without a shared table
/// (house-style.md 2.8).
///
/// Form: operator prefix, eight characters for worker (8 bits) and slot (32 bits), then random characters. All of our
/// own are base 32 (`0-9a-v`), a subset of ice-char (RFC 8839 §5.4).
public struct UserFragment {
    /// Characters that carry worker and slot.
    public static let routingCharacters = 8

    /// A new fragment.
    /// - Parameters:
    ///   - prefix: chosen by the operator; must satisfy ``isValid(prefix:)``.
    ///   - random: bytes that nobody can guess and no two fragments share; at least three, at most 64 are used.
    public static func make(prefix: String = "", worker: UInt8, slot: UInt32, random: [UInt8]) -> String {
        precondition(isValid(prefix: prefix), "user fragment prefix is not made of ice-chars")
        precondition(random.count >= 3, "a user fragment needs 24 random bits")
        var routing: [UInt8] = [worker]
        for shift in [24, 16, 8, 0] as [UInt32] { routing.append(UInt8(truncatingIfNeeded: slot >> shift)) }
        return prefix + Base32.encode(routing) + Base32.encode(random.prefix(64))
    }

    /// Reads worker and slot from a fragment, which may be anything.
    /// - Parameter prefixBytes: length of the operator's prefix.
    /// - Returns: `nil` when it cannot be ours.
    public static func decode(_ bytes: RawSpan, prefixBytes: Int = 0) -> (worker: UInt8, slot: UInt32)? {
        guard prefixBytes >= 0, bytes.byteCount > prefixBytes, bytes.byteCount - prefixBytes > routingCharacters
        else { return nil }
        var value: UInt64 = 0
        for index in 0..<routingCharacters {
            guard let digit = Base32.digit(bytes.uint8(at: prefixBytes + index)) else { return nil }
            value = value << 5 | UInt64(digit)
        }
        return (UInt8(truncatingIfNeeded: value >> 32), UInt32(truncatingIfNeeded: value))
    }

    /// Whether an operator may put `prefix` before every fragment: ice-chars only (no colon: it ends the fragment in
    /// USERNAME), not too long.
    public static func isValid(prefix: String) -> Bool {
        prefix.utf8.count <= ICELimits.userFragmentPrefixBytes && prefix.utf8.allSatisfy(isICEChar)
    }

    /// ALPHA, DIGIT, `+`, `/` (RFC 8839 §5.1).
    static func isICEChar(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}

/// A new ICE password of at least 22 ice-chars (RFC 8839 §5.4).
/// - Parameter random: at least 16 bytes from a secure source.
public func makePassword(random: [UInt8]) -> String {
    precondition(random.count >= 16, "a password needs 128 random bits")
    return Base32.encode(random.prefix(64))
}
