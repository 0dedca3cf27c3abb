// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
public import Primitives

/// Writes one STUN message, attribute by attribute (RFC 8489 §5).
public struct STUNBuilder: Sendable {
    private var writer = ByteWriter(capacity: 128)
    private let transactionID: TransactionID

    /// Starts a message with an empty body.
    public init(
        _ messageClass: STUNClass, method: UInt16 = STUNHeader.bindingMethod, transactionID: TransactionID
    ) {
        self.transactionID = transactionID
        writer.uint16(
            messageClass.rawValue | method & 0x000F | (method & 0x0070) << 1 | (method & 0x0F80) << 2)
        writer.uint16(0)
        writer.uint32(STUNHeader.cookie)
        writer.uint32(transactionID.high)
        writer.uint64(transactionID.low)
    }

    /// An attribute of any kind, padded with zeros. Values beyond 65,535 bytes do not fit the format and are cut.
    public mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
        writer.uint16(type)
        writer.uint16(UInt16(truncatingIfNeeded: min(value.count, 0xFFFF)))
        writer.append(value.prefix(0xFFFF))
        while writer.count % 4 != 0 { writer.uint8(0) }
    }

    /// USERNAME: `left:right`, the receiver's user fragment first (RFC 8445 §7.2.2).
    public mutating func username(_ left: [UInt8], _ right: [UInt8]) {
        attribute(STUNAttribute.username, left + [UInt8(ascii: ":")] + right)
    }

    /// PRIORITY (RFC 8445 §7.1.1).
    public mutating func priority(_ value: UInt32) {
        writer.uint16(STUNAttribute.priority)
        writer.uint16(4)
        writer.uint32(value)
    }

    /// USE-CANDIDATE (RFC 8445 §7.1.2).
    public mutating func useCandidate() { attribute(STUNAttribute.useCandidate, []) }

    /// ICE-CONTROLLING or ICE-CONTROLLED (RFC 8445 §7.1.3).
    public mutating func role(isControlling: Bool, tieBreaker: UInt64) {
        writer.uint16(isControlling ? STUNAttribute.iceControlling : STUNAttribute.iceControlled)
        writer.uint16(8)
        writer.uint64(tieBreaker)
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    public mutating func xorMappedAddress(_ address: TransportAddress) {
        writer.uint16(STUNAttribute.xorMappedAddress)
        writer.uint16(address.family == .ipv4 ? 8 : 20)
        writer.uint16(address.family == .ipv4 ? 1 : 2)
        writer.uint16(address.port ^ UInt16(STUNHeader.cookie >> 16))
        if address.family == .ipv4 {
            writer.uint32(address.ipv4 ^ STUNHeader.cookie)
        } else {
            writer.uint64(address.high ^ (UInt64(STUNHeader.cookie) << 32 | UInt64(transactionID.high)))
            writer.uint64(address.low ^ transactionID.low)
        }
    }

    /// ERROR-CODE without a reason phrase (RFC 8489 §14.8).
    /// - Parameter code: 300…699.
    public mutating func errorCode(_ code: Int) {
        attribute(STUNAttribute.errorCode, [0, 0, UInt8(code / 100 & 7), UInt8(code % 100)])
    }

    /// UNKNOWN-ATTRIBUTES (RFC 8489 §14.13).
    public mutating func unknownAttributes(_ types: [UInt16]) {
        attribute(
            STUNAttribute.unknownAttributes,
            types.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] })
    }

    /// Closes the message with MESSAGE-INTEGRITY (when there is a key) and FINGERPRINT.
    public consuming func finish(key: [UInt8]?) -> [UInt8] {
        var writer = writer
        if let key {
            writer.patch16(
                UInt16(truncatingIfNeeded: writer.count + STUNAttributes.integrityBytes - STUNHeader.byteCount), at: 2)
            let digest = MessageDigest.hmacSHA1(key: key, writer.bytes.rawSpan)
            writer.uint16(STUNAttribute.messageIntegrity)
            writer.uint16(20)
            writer.append(digest)
        }
        writer.patch16(UInt16(truncatingIfNeeded: writer.count + 8 - STUNHeader.byteCount), at: 2)
        let crc = CRC32.checksum(writer.bytes.rawSpan, count: writer.count)
        writer.uint16(STUNAttribute.fingerprint)
        writer.uint16(4)
        writer.uint32(crc ^ STUNHeader.fingerprintMask)
        return writer.bytes
    }
}
