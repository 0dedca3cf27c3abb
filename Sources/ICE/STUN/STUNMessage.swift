// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// A received STUN message, parsed once; refers to the datagram's bytes and must not outlive them (RFC 8489 §5).
///
/// Parsing checks the form only. Whether the sender knows the password is asked with ``hasValidIntegrity(key:)``.
public struct STUNMessage: ~Escapable {
    /// The whole message.
    public let bytes: RawSpan
    /// Request, indication or response.
    public let messageClass: STUNClass
    /// The method; ICE knows Binding only.
    public let method: UInt16
    /// Ties a response to its request.
    public let transactionID: TransactionID
    /// The attributes that mean something to ICE.
    public private(set) var attributes = STUNAttributes()

    /// Parses a whole datagram. Attributes behind MESSAGE-INTEGRITY are ignored, except FINGERPRINT (RFC 8489 §14.5).
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) throws(STUNError) {
        guard bytes.byteCount >= STUNHeader.byteCount, bytes.byteCount <= ICELimits.messageBytes else {
            throw .badSize
        }
        let type = bytes.uint16(at: 0)
        guard type & 0xC000 == 0, bytes.uint32(at: 4) == STUNHeader.cookie else { throw .notSTUN }
        guard Int(bytes.uint16(at: 2)) + STUNHeader.byteCount == bytes.byteCount, bytes.byteCount % 4 == 0 else {
            throw .badLength
        }
        guard let messageClass = STUNClass(rawValue: type & 0x0110) else { throw .notSTUN }
        self.bytes = bytes
        self.messageClass = messageClass
        method = type & 0x000F | (type & 0x00E0) >> 1 | (type & 0x3E00) >> 2
        transactionID = TransactionID(high: bytes.uint32(at: 8), low: bytes.uint64(at: 12))

        var offset = STUNHeader.byteCount
        while offset + 4 <= bytes.byteCount {
            let attribute = bytes.uint16(at: offset)
            let length = Int(bytes.uint16(at: offset + 2))
            let end = offset + 4 + (length + 3) & ~3
            guard end <= bytes.byteCount else { throw .truncatedAttribute(attribute) }
            try attributes.read(attribute, at: offset + 4, count: length, of: bytes, transactionID)
            offset = end
        }
    }

    /// USERNAME, as bytes of the message.
    public var username: RawSpan? {
        @_lifetime(copy self)
        get {
            guard let range = attributes.username else { return nil }
            return bytes.slice(range.lowerBound, count: range.count)
        }
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with `key` (RFC 8489 §14.5): for ICE the password's bytes.
    public func hasValidIntegrity(key: [UInt8]) -> Bool {
        guard let offset = attributes.integrityOffset else { return false }
        var covered = bytes.slice(0, count: offset).toArray()
        // The header's length counts as if MESSAGE-INTEGRITY were the last attribute.
        let length = UInt16(truncatingIfNeeded: offset + STUNAttributes.integrityBytes - STUNHeader.byteCount)
        covered[2] = UInt8(truncatingIfNeeded: length >> 8)
        covered[3] = UInt8(truncatingIfNeeded: length)
        let expected = MessageDigest.hmacSHA1(key: key, covered.rawSpan)
        var difference: UInt8 = 0
        for (index, byte) in expected.enumerated() { difference |= byte ^ bytes.uint8(at: offset + 4 + index) }
        return difference == 0
    }

    /// Whether FINGERPRINT is right; `nil` when there is none (RFC 8489 §14.7).
    public var hasValidFingerprint: Bool? {
        guard let offset = attributes.fingerprintOffset else { return nil }
        return CRC32.checksum(bytes, count: offset) ^ STUNHeader.fingerprintMask == bytes.uint32(at: offset + 4)
    }
}
