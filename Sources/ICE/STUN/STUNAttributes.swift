// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The attributes of a ``STUNMessage`` that ICE uses. Of a repeated attribute the first counts (RFC 8489 §14).
public struct STUNAttributes: Sendable {
    static let integrityBytes = 24

    /// Where USERNAME's value lies in the message.
    public private(set) var username: Range<Int>?
    /// PRIORITY (RFC 8445 §7.1.1).
    public private(set) var priority: UInt32?
    /// USE-CANDIDATE is there (RFC 8445 §7.1.2).
    public private(set) var hasUseCandidate = false
    /// The tie-breaker of ICE-CONTROLLING.
    public private(set) var controlling: UInt64?
    /// The tie-breaker of ICE-CONTROLLED.
    public private(set) var controlled: UInt64?
    /// XOR-MAPPED-ADDRESS, decoded.
    public private(set) var xorMappedAddress: TransportAddress?
    /// ERROR-CODE, 300…699.
    public private(set) var errorCode: Int?
    /// Where SOFTWARE's value lies in the message.
    public private(set) var software: Range<Int>?
    /// Comprehension-required attributes we do not know, at most ``ICELimits/listedUnknownAttributes``.
    public private(set) var unknownRequired: [UInt16] = []
    /// Where MESSAGE-INTEGRITY starts in the message.
    public private(set) var integrityOffset: Int?
    /// Where FINGERPRINT starts in the message.
    public private(set) var fingerprintOffset: Int?

    init() {}

    /// Takes in one attribute whose value is known to lie inside `bytes`.
    mutating func read(
        _ type: UInt16, at offset: Int, count: Int, of bytes: RawSpan, _ transactionID: TransactionID
    ) throws(STUNError) {
        if fingerprintOffset != nil { throw .misplacedFingerprint }
        if type == STUNAttribute.fingerprint {
            guard count == 4 else { throw .malformedAttribute(type) }
            fingerprintOffset = offset - 4
            return
        }
        guard integrityOffset == nil else { return }
        switch type {
        case STUNAttribute.messageIntegrity:
            guard count == 20 else { throw .malformedAttribute(type) }
            integrityOffset = offset - 4
        case STUNAttribute.username:
            guard count <= 2 * ICELimits.credentialBytes + 1 else { throw .malformedAttribute(type) }
            username = username ?? offset..<(offset + count)
        case STUNAttribute.software:
            software = software ?? offset..<(offset + count)
        case STUNAttribute.priority, STUNAttribute.useCandidate, STUNAttribute.iceControlled,
            STUNAttribute.iceControlling:
            try readICE(type, at: offset, count: count, of: bytes)
        case STUNAttribute.xorMappedAddress:
            guard let address = Self.address(at: offset, count: count, of: bytes, transactionID) else {
                throw .malformedAttribute(type)
            }
            xorMappedAddress = xorMappedAddress ?? address
        case STUNAttribute.errorCode:
            guard count >= 4 else { throw .malformedAttribute(type) }
            let hundreds = Int(bytes.uint8(at: offset + 2) & 7)
            let rest = Int(bytes.uint8(at: offset + 3))
            guard (3...6).contains(hundreds), rest < 100 else { throw .malformedAttribute(type) }
            errorCode = errorCode ?? hundreds * 100 + rest
        case STUNAttribute.mappedAddress, STUNAttribute.unknownAttributes, STUNAttribute.realm, STUNAttribute.nonce,
            STUNAttribute.messageIntegritySHA256, STUNAttribute.passwordAlgorithm, STUNAttribute.userHash:
            break
        default:
            guard STUNAttribute.isComprehensionRequired(type),
                unknownRequired.count < ICELimits.listedUnknownAttributes, !unknownRequired.contains(type)
            else { return }
            unknownRequired.append(type)
        }
    }

    private mutating func readICE(
        _ type: UInt16, at offset: Int, count: Int, of bytes: RawSpan
    ) throws(STUNError) {
        switch (type, count) {
        case (STUNAttribute.priority, 4): priority = priority ?? bytes.uint32(at: offset)
        case (STUNAttribute.useCandidate, 0): hasUseCandidate = true
        case (STUNAttribute.iceControlled, 8): controlled = controlled ?? bytes.uint64(at: offset)
        case (STUNAttribute.iceControlling, 8): controlling = controlling ?? bytes.uint64(at: offset)
        default: throw .malformedAttribute(type)
        }
    }

    /// RFC 8489 §14.2: the address is mixed with the cookie and, for IPv6, the transaction number.
    private static func address(
        at offset: Int, count: Int, of bytes: RawSpan, _ transactionID: TransactionID
    ) -> TransportAddress? {
        guard count >= 8 else { return nil }
        let port = bytes.uint16(at: offset + 2) ^ UInt16(STUNHeader.cookie >> 16)
        switch (bytes.uint8(at: offset + 1), count) {
        case (1, 8):
            return TransportAddress(ipv4: bytes.uint32(at: offset + 4) ^ STUNHeader.cookie, port: port)
        case (2, 20):
            let high = bytes.uint64(at: offset + 4) ^ (UInt64(STUNHeader.cookie) << 32 | UInt64(transactionID.high))
            return TransportAddress(ipv6High: high, low: bytes.uint64(at: offset + 12) ^ transactionID.low, port: port)
        default:
            return nil
        }
    }
}
