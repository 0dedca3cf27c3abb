// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Attribute numbers (RFC 8489 §18.3, RFC 8445 §16.1).
public enum STUNAttribute {
    /// MAPPED-ADDRESS: of old servers, known but not used.
    public static let mappedAddress: UInt16 = 0x0001
    /// USERNAME.
    public static let username: UInt16 = 0x0006
    /// MESSAGE-INTEGRITY: HMAC-SHA1.
    public static let messageIntegrity: UInt16 = 0x0008
    /// ERROR-CODE.
    public static let errorCode: UInt16 = 0x0009
    /// UNKNOWN-ATTRIBUTES.
    public static let unknownAttributes: UInt16 = 0x000A
    /// REALM: long-term credentials only.
    public static let realm: UInt16 = 0x0014
    /// NONCE: long-term credentials only.
    public static let nonce: UInt16 = 0x0015
    /// MESSAGE-INTEGRITY-SHA256: known but not used, ICE agrees on SHA-1.
    public static let messageIntegritySHA256: UInt16 = 0x001C
    /// PASSWORD-ALGORITHM: long-term credentials only.
    public static let passwordAlgorithm: UInt16 = 0x001D
    /// USERHASH: long-term credentials only.
    public static let userHash: UInt16 = 0x001E
    /// XOR-MAPPED-ADDRESS.
    public static let xorMappedAddress: UInt16 = 0x0020
    /// PRIORITY.
    public static let priority: UInt16 = 0x0024
    /// USE-CANDIDATE.
    public static let useCandidate: UInt16 = 0x0025
    /// SOFTWARE.
    public static let software: UInt16 = 0x8022
    /// FINGERPRINT.
    public static let fingerprint: UInt16 = 0x8028
    /// ICE-CONTROLLED.
    public static let iceControlled: UInt16 = 0x8029
    /// ICE-CONTROLLING.
    public static let iceControlling: UInt16 = 0x802A

    /// Whether a receiver that does not know the attribute must refuse a request with it (RFC 8489 §14).
    public static func isComprehensionRequired(_ type: UInt16) -> Bool { type < 0x8000 }
}

/// What kind of message it is (RFC 8489 §5).
public enum STUNClass: UInt16, Sendable, BitwiseCopyable {
    /// Wants an answer.
    case request = 0x000
    /// Wants none.
    case indication = 0x010
    /// A good answer.
    case success = 0x100
    /// A refusal.
    case error = 0x110
}

/// Constants of the message header.
public enum STUNHeader {
    /// Length of the header in bytes.
    public static let byteCount = 20
    /// The magic cookie at offset 4.
    public static let cookie: UInt32 = 0x2112_A442
    /// The Binding method, the only one ICE uses.
    public static let bindingMethod: UInt16 = 0x001
    /// Mixed into the CRC of FINGERPRINT (RFC 8489 §14.7).
    public static let fingerprintMask: UInt32 = 0x5354_554E
}

/// The 96-bit number that ties a response to its request.
public struct TransactionID: Hashable, Sendable, BitwiseCopyable {
    /// The first 32 bits.
    public var high: UInt32
    /// The other 64 bits.
    public var low: UInt64

    /// A number from its two parts.
    public init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }
}
