// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// Reads one JSON document that fills all of `bytes` (white space around it aside).
    public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        guard bytes.count <= JSONLimits.bytes else { throw .tooLong }
        var parser = JSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.offset == bytes.count else { throw .unexpected(offset: parser.offset) }
        return value
    }
}

/// Recursive descent over RFC 8259; the depth limit bounds the recursion.
private struct JSONParser {
    let bytes: [UInt8]
    var offset = 0
    var values = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
    }

    /// The next byte that is not white space, not consumed.
    private mutating func peek() throws(JSONError) -> UInt8 {
        skipSpace()
        guard offset < bytes.count else { throw .truncated }
        return bytes[offset]
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= JSONLimits.depth else { throw .tooDeep(offset: offset) }
        values += 1
        guard values <= JSONLimits.values else { throw .tooManyValues(offset: offset) }
        switch try peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for expected in text.description.utf8 {
            guard offset < bytes.count else { throw .truncated }
            guard bytes[offset] == expected else { throw .unexpected(offset: offset) }
            offset += 1
        }
        return value
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var elements: [JSONValue] = []
        if try peek() == UInt8(ascii: "]") {
            offset += 1
            return .array(elements)
        }
        while true {  // Ends with the text at the latest: each turn consumes a value.
            elements.append(try value(depth: depth + 1))
            if try endsList(with: UInt8(ascii: "]")) { return .array(elements) }
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        offset += 1
        var members: [JSONMember] = []
        if try peek() == UInt8(ascii: "}") {
            offset += 1
            return .object(members)
        }
        while true {  // Ends with the text at the latest: each turn consumes a member.
            guard try peek() == UInt8(ascii: "\"") else { throw .unexpected(offset: offset) }
            let name = try string()
            guard try peek() == UInt8(ascii: ":") else { throw .unexpected(offset: offset) }
            offset += 1
            members.append(JSONMember(name: name, value: try value(depth: depth + 1)))
            if try endsList(with: UInt8(ascii: "}")) { return .object(members) }
        }
    }

    /// Consumes a comma (`false`) or the closing bracket (`true`).
    private mutating func endsList(with closing: UInt8) throws(JSONError) -> Bool {
        let byte = try peek()
        guard byte == closing || byte == UInt8(ascii: ",") else { throw .unexpected(offset: offset) }
        offset += 1
        return byte == closing
    }

    private mutating func string() throws(JSONError) -> String {
        let start = offset
        offset += 1
        var content: [UInt8] = []
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else { throw .invalidText(offset: start) }
                return text
            case UInt8(ascii: "\\"): content += try escape()
            case 0..<0x20: throw .unexpected(offset: offset - 1)
            default: content.append(byte)
            }
        }
        throw .truncated
    }

    /// The UTF-8 of an escape sequence whose backslash has been read.
    private mutating func escape() throws(JSONError) -> [UInt8] {
        guard offset < bytes.count else { throw .truncated }
        offset += 1
        switch bytes[offset - 1] {
        case UInt8(ascii: "\""): return [0x22]
        case UInt8(ascii: "\\"): return [0x5C]
        case UInt8(ascii: "/"): return [0x2F]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw .unexpected(offset: offset - 1)
        }
    }

    private mutating func unicodeEscape() throws(JSONError) -> [UInt8] {
        let start = offset
        var code = try hexDigits()
        if code >> 10 == 0x36 {  // D800…DBFF: the low half must follow.
            guard offset + 6 <= bytes.count, bytes[offset] == 0x5C, bytes[offset + 1] == UInt8(ascii: "u") else {
                throw .invalidText(offset: start)
            }
            offset += 2
            let low = try hexDigits()
            guard low >> 10 == 0x37 else { throw .invalidText(offset: start) }
            code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
        }
        guard let scalar = Unicode.Scalar(code) else { throw .invalidText(offset: start) }
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func hexDigits() throws(JSONError) -> UInt32 {
        guard offset + 4 <= bytes.count else { throw .truncated }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
                throw .unexpected(offset: offset)
            }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = offset
        var isInteger = true
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let digits = try digitRun()
        // RFC 8259 §6: no leading zeros.
        if digits > 1, bytes[offset - digits] == UInt8(ascii: "0") { throw .unexpected(offset: offset - digits) }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            _ = try digitRun()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            _ = try digitRun()
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw .numberOutOfRange(offset: start) }
        return .number(value)
    }

    /// Consumes digits and returns how many, at least one.
    private mutating func digitRun() throws(JSONError) -> Int {
        let start = offset
        while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) { offset += 1 }
        guard offset > start else {
            if offset == bytes.count { throw .truncated }
            throw .unexpected(offset: offset)
        }
        return offset - start
    }
}
