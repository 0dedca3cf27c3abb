// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One pass over a JSON text (RFC 8259) that is UTF-8: checks it, and remembers where the top object's members are.
///
/// More lenient than a reader that makes values: numbers may have any size, and half a surrogate pair may be escaped,
/// which browsers write and read when a text was cut within a character.
struct MessageScanner {
    private let bytes: [UInt8]
    private var offset = 0
    /// Hashes of the names in the objects that are open; each object's lie behind its parent's.
    private var names: [UInt64] = []
    private var members: [MessageObject.Member] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// FNV-1a. Whoever makes two names with one hash has made a message that is refused, and nothing else.
    static func hash(_ name: String) -> UInt64 {
        name.utf8.reduce(into: basis) { mix($1, into: &$0) }
    }

    private static let basis: UInt64 = 0xCBF2_9CE4_8422_2325

    private static func mix(_ byte: UInt8, into hash: inout UInt64) {
        hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }

    /// Reads the whole text.
    mutating func document() throws(BridgeChannelError) -> [MessageObject.Member] {
        guard try peek() == UInt8(ascii: "{") else {
            try value(depth: 0)
            try end()
            throw .notAnObject
        }
        try object(depth: 0)
        try end()
        return members
    }

    private mutating func end() throws(BridgeChannelError) {
        skipSpace()
        guard offset == bytes.count else { throw .invalidJSON }
    }

    private mutating func skipSpace() {
        // Ends with the text.
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// The next byte that is not white space, not consumed.
    private mutating func peek() throws(BridgeChannelError) -> UInt8 {
        skipSpace()
        guard offset < bytes.count else { throw .invalidJSON }
        return bytes[offset]
    }

    private mutating func value(depth: Int) throws(BridgeChannelError) {
        switch try peek() {
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private mutating func word(_ text: String) throws(BridgeChannelError) {
        for expected in text.utf8 {
            guard offset < bytes.count, bytes[offset] == expected else { throw .invalidJSON }
            offset += 1
        }
    }

    private mutating func array(depth: Int) throws(BridgeChannelError) {
        guard depth < BridgeChannelLimits.depth else { throw .tooDeep }
        offset += 1
        if try peek() == UInt8(ascii: "]") {
            offset += 1
            return
        }
        // Ends with the text at the latest: each turn consumes a value.
        repeat { try value(depth: depth + 1) } while try !endsList(with: UInt8(ascii: "]"))
    }

    private mutating func object(depth: Int) throws(BridgeChannelError) {
        guard depth < BridgeChannelLimits.depth else { throw .tooDeep }
        offset += 1
        if try peek() == UInt8(ascii: "}") {
            offset += 1
            return
        }
        let first = names.count
        // Ends with the text at the latest: each turn consumes a member.
        repeat { try member(depth: depth) } while try !endsList(with: UInt8(ascii: "}"))
        names[first...].sort()
        for index in names.indices[first...].dropFirst() where names[index] == names[index - 1] {
            throw .duplicateName
        }
        names.removeLast(names.count - first)
    }

    private mutating func member(depth: Int) throws(BridgeChannelError) {
        guard try peek() == UInt8(ascii: "\"") else { throw .invalidJSON }
        let nameStart = offset
        let hash = try string()
        names.append(hash)
        let name = nameStart..<offset
        guard try peek() == UInt8(ascii: ":") else { throw .invalidJSON }
        offset += 1
        skipSpace()
        let valueStart = offset
        try value(depth: depth + 1)
        guard depth == 0 else { return }
        guard members.count < BridgeChannelLimits.members else { throw .tooManyMembers }
        members.append(MessageObject.Member(hash: hash, name: name, value: valueStart..<offset))
    }

    /// Consumes a comma (`false`) or the closing bracket (`true`).
    private mutating func endsList(with closing: UInt8) throws(BridgeChannelError) -> Bool {
        let byte = try peek()
        guard byte == closing || byte == UInt8(ascii: ",") else { throw .invalidJSON }
        offset += 1
        return byte == closing
    }

    /// Consumes a string and returns the hash of what it says.
    private mutating func string() throws(BridgeChannelError) -> UInt64 {
        var hash = Self.basis
        offset += 1
        // Ends with the text.
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return hash
            case UInt8(ascii: "\\"): try escape(into: &hash)
            case 0..<0x20: throw .invalidJSON
            default: Self.mix(byte, into: &hash)
            }
        }
        throw .invalidJSON
    }

    private mutating func escape(into hash: inout UInt64) throws(BridgeChannelError) {
        guard offset < bytes.count else { throw .invalidJSON }
        offset += 1
        switch bytes[offset - 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): Self.mix(bytes[offset - 1], into: &hash)
        case UInt8(ascii: "b"): Self.mix(0x08, into: &hash)
        case UInt8(ascii: "f"): Self.mix(0x0C, into: &hash)
        case UInt8(ascii: "n"): Self.mix(0x0A, into: &hash)
        case UInt8(ascii: "r"): Self.mix(0x0D, into: &hash)
        case UInt8(ascii: "t"): Self.mix(0x09, into: &hash)
        case UInt8(ascii: "u"):
            var code = try hexDigits()
            if code >> 10 == 0x36, bytes.count - offset >= 6, bytes[offset] == 0x5C, bytes[offset + 1] == 0x75 {
                let high = offset
                offset += 2
                let low = try hexDigits()
                if low >> 10 == 0x37 {
                    code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
                } else {
                    offset = high
                }
            }
            // A lone half is no character; its number serves to tell names apart.
            let text = Unicode.Scalar(code).map { String(Character($0)) } ?? "\u{FFFF}\(code)"
            for byte in text.utf8 { Self.mix(byte, into: &hash) }
        default: throw .invalidJSON
        }
    }

    private mutating func hexDigits() throws(BridgeChannelError) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw .invalidJSON }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else { throw .invalidJSON }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }

    private mutating func number() throws(BridgeChannelError) {
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let digits = try digitRun()
        // RFC 8259 §6: no leading zeros.
        if digits > 1, bytes[offset - digits] == UInt8(ascii: "0") { throw .invalidJSON }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            _ = try digitRun()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            _ = try digitRun()
        }
    }

    /// Consumes digits and returns how many, at least one.
    private mutating func digitRun() throws(BridgeChannelError) -> Int {
        let start = offset
        // Ends with the text.
        while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) { offset += 1 }
        guard offset > start else { throw .invalidJSON }
        return offset - start
    }
}
