// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension HOCONParser {
    /// Reads `"…"` with JSON escapes or `"""…"""` as it stands; the cursor is on the first quote.
    mutating func quotedString() throws(ConfigurationError) -> String {
        cursor.startsWith("\"\"\"") ? try tripleQuotedString() : try plainQuotedString()
    }

    private mutating func tripleQuotedString() throws(ConfigurationError) -> String {
        let opening = cursor.location
        cursor.advance(3)
        var bytes: [UInt8] = []
        while let byte = cursor.peek() {
            if cursor.startsWith("\"\"\"") {
                cursor.advance(3)
                // Quotes beyond three belong to the text (HOCON.md, multi-line strings).
                while cursor.peek() == UInt8(ascii: "\"") {
                    bytes.append(UInt8(ascii: "\""))
                    cursor.advance()
                }
                return String(decoding: bytes, as: UTF8.self)
            }
            bytes.append(byte)
            cursor.advance()
        }
        throw ConfigurationError(at: opening, "the string that starts here has no closing \"\"\"")
    }

    private mutating func plainQuotedString() throws(ConfigurationError) -> String {
        let opening = cursor.location
        cursor.advance()
        var bytes: [UInt8] = []
        while let byte = cursor.peek(), byte != UInt8(ascii: "\n") {
            switch byte {
            case UInt8(ascii: "\""):
                cursor.advance()
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                bytes += try escape().utf8
            default:
                bytes.append(byte)
                cursor.advance()
            }
        }
        throw ConfigurationError(at: opening, "the string that starts here has no closing quote on its line")
    }

    /// One escape; the cursor is on the backslash.
    private mutating func escape() throws(ConfigurationError) -> String {
        let location = cursor.location
        cursor.advance()
        guard let letter = cursor.peek() else {
            throw ConfigurationError(at: location, "the file ends inside an escape")
        }
        cursor.advance()
        switch letter {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return String(try unicodeEscape(at: location))
        default:
            throw ConfigurationError(at: location, "unknown escape in a quoted string; write \\\\ for a backslash")
        }
    }

    private mutating func unicodeEscape(at location: SourceLocation) throws(ConfigurationError) -> Unicode.Scalar {
        let first = try fourHexDigits(at: location)
        if first & 0xFC00 == 0xD800, cursor.startsWith("\\u") {
            let saved = cursor
            cursor.advance(2)
            let second = try fourHexDigits(at: location)
            if second & 0xFC00 == 0xDC00,
                let scalar = Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF))
            {
                return scalar
            }
            cursor = saved
        }
        return Unicode.Scalar(first) ?? "\u{FFFD}"
    }

    private mutating func fourHexDigits(at location: SourceLocation) throws(ConfigurationError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = cursor.peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw ConfigurationError(at: location, "\\u needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            cursor.advance()
        }
        return value
    }
}
