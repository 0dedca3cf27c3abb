// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Keys, substitutions and unquoted text.
extension HOCONParser {
    /// Characters that unquoted text may not hold (HOCON.md).
    static func isReserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "$"), UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: ","), UInt8(ascii: "+"),
            UInt8(ascii: "#"), UInt8(ascii: "`"), UInt8(ascii: "^"), UInt8(ascii: "?"), UInt8(ascii: "!"),
            UInt8(ascii: "@"), UInt8(ascii: "*"), UInt8(ascii: "&"), UInt8(ascii: "\\"):
            true
        default: false
        }
    }

    /// Unquoted text up to white space, a comment or a reserved character.
    mutating func unquotedText() throws(ConfigurationError) -> String {
        let start = cursor.position
        var isNumber = true
        while let byte = cursor.peek(), byte != UInt8(ascii: "\n"), cursor.spaceWidth == 0, !cursor.isAtComment {
            // A plus sign is part of a number such as 1e+5 and reserved everywhere else.
            let isSign = byte == UInt8(ascii: "+") && isNumber && cursor.position > start
            if Self.isReserved(byte), !isSign { break }
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "-"),
                UInt8(ascii: "+"), UInt8(ascii: "."):
                break
            default: isNumber = false
            }
            cursor.advance()
        }
        guard cursor.position > start else {
            throw unexpected("is not allowed in a value without quotes; put the value in double quotes")
        }
        return cursor.text(from: start)
    }

    /// A dotted key or substitution path; quoted segments keep their dots.
    mutating func keyPath() throws(ConfigurationError) -> [String] {
        let location = cursor.location
        var segments: [String] = []
        var current = ""
        var hasSegment = false
        var pendingSpace = ""
        scan: while let byte = cursor.peek(), byte != UInt8(ascii: "\n"), !cursor.isAtComment {
            let start = cursor.position
            cursor.skipSpaces()
            if cursor.position > start {
                if hasSegment { pendingSpace += cursor.text(from: start) }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                current += pendingSpace + (try quotedString())
                hasSegment = true
            case UInt8(ascii: "."):
                guard hasSegment else { throw ConfigurationError(at: location, "a key has an empty part before a dot") }
                segments.append(current)
                current = ""
                hasSegment = false
                cursor.advance()
            case _ where Self.isReserved(byte): break scan
            default:
                current += pendingSpace + keyPart()
                hasSegment = true
            }
            pendingSpace = ""
        }
        guard hasSegment else {
            throw segments.isEmpty
                ? unexpected("where a key was expected")
                : ConfigurationError(at: location, "a key ends with a dot")
        }
        segments.append(current)
        return segments
    }

    private mutating func keyPart() -> String {
        let start = cursor.position
        while let byte = cursor.peek(), byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "."), cursor.spaceWidth == 0,
            !cursor.isAtComment, !Self.isReserved(byte)
        {
            cursor.advance()
        }
        return cursor.text(from: start)
    }

    /// `${path}` or `${?path}`; the cursor is on the dollar sign.
    mutating func substitution() throws(ConfigurationError) -> Substitution {
        let location = cursor.location
        cursor.advance(2)
        let isOptional = cursor.peek() == UInt8(ascii: "?")
        if isOptional { cursor.advance() }
        let path = try keyPath()
        cursor.skipSpaces()
        guard cursor.peek() == UInt8(ascii: "}") else {
            throw ConfigurationError(at: location, "the substitution that starts here has no closing }")
        }
        cursor.advance()
        guard path.count <= BridgeConfigurationLimits.nesting else {
            throw ConfigurationError(at: location, "nested deeper than \(BridgeConfigurationLimits.nesting) levels")
        }
        return Substitution(path: path, prefix: prefix, isOptional: isOptional, location: location)
    }
}
