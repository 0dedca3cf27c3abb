// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension ICESessionRecord {
    private static let magic: UInt32 = 0x5649_4345
    private static let version: UInt8 = 1
    private static let credentialBytes = 2 + ICELimits.credentialBytes
    private static let pathBytes = 2 * addressBytes + 4 + 8 + 1
    private static let addressBytes = 1 + 2 + 8 + 8
    private static let headBytes = 4 + 4 + 4 + 8 + 8 + 8

    /// Length of every record.
    public static let byteCount = headBytes + 4 * credentialBytes + pathCapacity * pathBytes

    /// The record as ``byteCount`` bytes.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.byteCount)
        writer.uint32(Self.magic)
        writer.uint8(Self.version)
        writer.uint8((isControlling ? 1 : 0) | (hasConsent ? 2 : 0))
        writer.uint8(roleSwitches)
        writer.uint8(pathCount)
        writer.uint32(TransactionID(owner: owner, secret: 0).high)
        writer.uint64(tieBreaker)
        writer.uint64(UInt64(bitPattern: consentAge.nanoseconds))
        writer.uint64(UInt64(bitPattern: silence.nanoseconds))
        for credential in [localUfrag, localPassword, remoteUfrag, remotePassword] {
            writer.uint16(credential.count)
            writer.append(credential.bytes)
            writer.append(repeatElement(0, count: ICELimits.credentialBytes - Int(credential.count)))
        }
        for path in paths { Self.write(path, to: &writer) }
        writer.append(repeatElement(0, count: Self.byteCount - writer.count))
        return writer.bytes
    }

    /// Reads a record; every value is checked, so that whatever decodes can be resumed without a trap.
    public init(_ bytes: RawSpan) throws(ICERecordError) {
        guard bytes.byteCount == Self.byteCount else { throw .badSize }
        guard bytes.uint32(at: 0) == Self.magic, bytes.uint8(at: 4) == Self.version else { throw .badVersion }
        let flags = bytes.uint8(at: 5)
        let count = Int(bytes.uint8(at: 7))
        guard flags < 4, (1...Self.pathCapacity).contains(count) else { throw .badValue }
        var credentials: [Credential] = []
        for index in 0..<4 {
            let offset = Self.headBytes + index * Self.credentialBytes
            let length = Int(bytes.uint16(at: offset))
            guard length <= ICELimits.credentialBytes,
                let credential = Credential(bytes.slice(offset + 2, count: length).toArray())
            else { throw .badValue }
            credentials.append(credential)
        }
        self.init(
            owner: TransactionID(high: bytes.uint32(at: 8), low: 0).owner, localUfrag: credentials[0],
            localPassword: credentials[1], remoteUfrag: credentials[2], remotePassword: credentials[3],
            isControlling: flags & 1 != 0, roleSwitches: bytes.uint8(at: 6), tieBreaker: bytes.uint64(at: 12),
            hasConsent: flags & 2 != 0, consentAge: try Self.age(bytes, at: 20), silence: try Self.age(bytes, at: 28))
        for index in 0..<count {
            let offset = Self.headBytes + 4 * Self.credentialBytes + index * Self.pathBytes
            append(try Self.path(bytes, at: offset))
        }
    }

    private static func write(_ path: Path, to writer: inout ByteWriter) {
        for address in [path.remote, path.local] {
            writer.uint8(address.family.rawValue)
            writer.uint16(address.port)
            writer.uint64(address.high)
            writer.uint64(address.low)
        }
        writer.uint32(path.remotePriority)
        writer.uint64(UInt64(bitPattern: path.answerAge.nanoseconds))
        writer.uint8(
            (path.isRelayed ? 1 : 0) | (path.isBound ? 2 : 0) | (path.isValid ? 4 : 0) | (path.isNominated ? 8 : 0))
    }

    private static func path(_ bytes: RawSpan, at offset: Int) throws(ICERecordError) -> Path {
        let end = offset + 2 * addressBytes
        let flags = bytes.uint8(at: end + 12)
        guard flags < 16 else { throw .badValue }
        let hasAnswer = bytes.uint64(at: end + 4) != UInt64(bitPattern: Path.noAnswer.nanoseconds)
        return Path(
            remote: try address(bytes, at: offset), local: try address(bytes, at: offset + addressBytes),
            remotePriority: bytes.uint32(at: end),
            answerAge: hasAnswer ? try age(bytes, at: end + 4) : Path.noAnswer, isRelayed: flags & 1 != 0,
            isBound: flags & 2 != 0, isValid: flags & 4 != 0, isNominated: flags & 8 != 0)
    }

    private static func address(_ bytes: RawSpan, at offset: Int) throws(ICERecordError) -> TransportAddress {
        let port = bytes.uint16(at: offset + 1)
        let (high, low) = (bytes.uint64(at: offset + 3), bytes.uint64(at: offset + 11))
        guard port != 0, let family = TransportAddress.Family(rawValue: bytes.uint8(at: offset)) else {
            throw .badValue
        }
        switch family {
        case .ipv6: return TransportAddress(ipv6High: high, low: low, port: port)
        case .ipv4:
            guard low == 0, high & 0xFFFF_FFFF == 0 else { throw .badValue }
            return TransportAddress(ipv4: UInt32(truncatingIfNeeded: high >> 32), port: port)
        }
    }

    /// A length of time that is neither negative nor so long that sums of it overflow.
    private static func age(_ bytes: RawSpan, at offset: Int) throws(ICERecordError) -> TimeDelta {
        let age = TimeDelta(nanoseconds: Int64(bitPattern: bytes.uint64(at: offset)))
        guard age >= .zero, age <= ICELimits.recordAge else { throw .badValue }
        return age
    }
}
