// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Turns the bytes of one file into syntax: objects, lists, text, substitutions (HOCON.md; operations.md a.2).
///
/// The root object may have braces or not. Nothing is resolved here except includes, which are read in place.
struct HOCONParser {
    var cursor: HOCONCursor
    /// Where the including file put this one.
    let prefix: [String]
    let includeDepth: Int
    let session: IncludeSession
    private var nesting = 0

    /// Parses a whole file into `root`.
    static func parse(
        _ bytes: [UInt8], file: String, into root: ObjectSyntax, prefix: [String] = [], includeDepth: Int = 0,
        session: IncludeSession
    ) throws(ConfigurationError) {
        try checkEncoding(bytes, file: file)
        var parser = HOCONParser(
            cursor: HOCONCursor(bytes, file: file), prefix: prefix, includeDepth: includeDepth, session: session)
        try parser.parseRoot(into: root)
    }

    private init(cursor: HOCONCursor, prefix: [String], includeDepth: Int, session: IncludeSession) {
        self.cursor = cursor
        self.prefix = prefix
        self.includeDepth = includeDepth
        self.session = session
    }

    private static func checkEncoding(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        guard bytes.count <= BridgeConfigurationLimits.fileSize else {
            throw ConfigurationError(
                at: SourceLocation(file: file), "larger than \(BridgeConfigurationLimits.fileSize) bytes")
        }
        var line = 1
        for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard String(validating: part, as: UTF8.self) != nil else {
                throw ConfigurationError(at: SourceLocation(file: file, line: line), "not valid UTF-8")
            }
            line += 1
        }
    }

    private mutating func parseRoot(into root: ObjectSyntax) throws(ConfigurationError) {
        cursor.skipBlank()
        switch cursor.peek() {
        case UInt8(ascii: "{"):
            cursor.advance()
            try parseFields(into: root, path: prefix, closing: UInt8(ascii: "}"), opened: cursor.location)
            cursor.skipBlank()
            if !cursor.isAtEnd { throw unexpected("after the closing brace of the file") }
        case UInt8(ascii: "["):
            throw ConfigurationError(at: cursor.location, "a configuration must be an object, not a list")
        default:
            try parseFields(into: root, path: prefix, closing: nil, opened: cursor.location)
        }
    }

    /// Reads fields up to and including `closing`, or to the end of the file when there is no brace.
    private mutating func parseFields(
        into object: ObjectSyntax, path: [String], closing: UInt8?, opened: SourceLocation
    ) throws(ConfigurationError) {
        try enter(path.count)
        defer { nesting -= 1 }
        var mayBegin = true
        while true {
            if cursor.skipBlank() { mayBegin = true }
            guard let byte = cursor.peek() else {
                if closing != nil { throw ConfigurationError(at: opened, "the object that starts here is not closed") }
                return
            }
            if byte == closing {
                cursor.advance()
                return
            }
            guard mayBegin else { throw unexpected("where a comma, a new line or } was expected") }
            if byte == UInt8(ascii: ",") { throw unexpected("where a key was expected") }
            if try !parseInclude(into: object, path: path) {
                try parseField(into: object, path: path)
            }
            mayBegin = cursor.skipBlank()
            if cursor.peek() == UInt8(ascii: ",") {
                cursor.advance()
                mayBegin = true
            }
        }
    }

    private mutating func parseField(into object: ObjectSyntax, path: [String]) throws(ConfigurationError) {
        let location = cursor.location
        let key = try keyPath()
        try checkNesting(path.count + key.count)
        let target = object.object(at: Array(key.dropLast()), location: location).slot(key[key.count - 1])
        cursor.skipBlank()
        switch cursor.peek() {
        case UInt8(ascii: "{"):
            target.append(try value(path: path + key), at: location)
        case UInt8(ascii: "="), UInt8(ascii: ":"):
            cursor.advance()
            target.append(try value(path: path + key), at: location)
        case UInt8(ascii: "+") where cursor.peek(1) == UInt8(ascii: "="):
            cursor.advance(2)
            let item = Slot.Entry(value: try value(path: path + key), location: location)
            let parts: [ValueSyntax] = [.previous, .list([item])]
            target.append(.concatenation(parts.map { Slot.Entry(value: $0, location: location) }), at: location)
        default:
            throw unexpected("where =, : or { was expected after the key \(key.joined(separator: "."))")
        }
    }

    /// Reads a value: one part, or several on the same line that are joined.
    mutating func value(path: [String]) throws(ConfigurationError) -> ValueSyntax {
        cursor.skipBlank()
        let start = cursor.location
        var parts: [Slot.Entry] = []
        while let part = try part(path: path) { parts.append(part) }
        while case .space? = parts.last?.value { parts.removeLast() }
        switch parts.count {
        case 0: throw unexpected("where a value was expected")
        case 1:
            if case .text("null", quoted: false) = parts[0].value { return .null }
            return parts[0].value
        default: return try Self.joined(parts, at: start)
        }
    }

    /// Literal parts become one text at once; anything with a substitution, an object or a list waits.
    private static func joined(_ parts: [Slot.Entry], at start: SourceLocation) throws(ConfigurationError)
        -> ValueSyntax
    {
        var text = ""
        for part in parts {
            switch part.value {
            case .text(let piece, _), .space(let piece): text += piece
            default: return .concatenation(parts)
            }
        }
        guard text.utf8.count <= BridgeConfigurationLimits.textSize else {
            throw ConfigurationError(at: start, "value longer than \(BridgeConfigurationLimits.textSize) bytes")
        }
        let isQuoted = parts.contains { if case .text(_, quoted: true) = $0.value { true } else { false } }
        return .text(text, quoted: isQuoted)
    }

    private mutating func part(path: [String]) throws(ConfigurationError) -> Slot.Entry? {
        let location = cursor.location
        let start = cursor.position
        cursor.skipSpaces()
        if cursor.position > start {
            return Slot.Entry(value: .space(cursor.text(from: start)), location: location)
        }
        if cursor.isAtComment { return nil }
        switch cursor.peek() {
        case nil, UInt8(ascii: "\n"), UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
            return nil
        case UInt8(ascii: "\""):
            return Slot.Entry(value: .text(try quotedString(), quoted: true), location: location)
        case UInt8(ascii: "{"):
            cursor.advance()
            let object = ObjectSyntax()
            try parseFields(into: object, path: path, closing: UInt8(ascii: "}"), opened: location)
            return Slot.Entry(value: .object(object), location: location)
        case UInt8(ascii: "["):
            cursor.advance()
            return Slot.Entry(value: .list(try items(path: path, opened: location)), location: location)
        case UInt8(ascii: "$") where cursor.peek(1) == UInt8(ascii: "{"):
            return Slot.Entry(value: .substitution(try substitution()), location: location)
        default:
            return Slot.Entry(value: .text(try unquotedText(), quoted: false), location: location)
        }
    }

    private mutating func items(path: [String], opened: SourceLocation) throws(ConfigurationError) -> [Slot.Entry] {
        try enter(path.count)
        defer { nesting -= 1 }
        var items: [Slot.Entry] = []
        var mayBegin = true
        while true {
            if cursor.skipBlank() { mayBegin = true }
            guard let byte = cursor.peek() else {
                throw ConfigurationError(at: opened, "the list that starts here is not closed")
            }
            if byte == UInt8(ascii: "]") {
                cursor.advance()
                return items
            }
            guard mayBegin else { throw unexpected("where a comma, a new line or ] was expected") }
            let location = cursor.location
            items.append(Slot.Entry(value: try value(path: path), location: location))
            mayBegin = cursor.skipBlank()
            if cursor.peek() == UInt8(ascii: ",") {
                cursor.advance()
                mayBegin = true
            }
        }
    }

    private mutating func enter(_ keyDepth: Int) throws(ConfigurationError) {
        nesting += 1
        try checkNesting(max(nesting, keyDepth))
    }

    private func checkNesting(_ depth: Int) throws(ConfigurationError) {
        guard depth <= BridgeConfigurationLimits.nesting else {
            throw ConfigurationError(
                at: cursor.location, "nested deeper than \(BridgeConfigurationLimits.nesting) levels")
        }
    }

    /// The error for whatever stands at the cursor.
    func unexpected(_ place: String) -> ConfigurationError {
        guard let byte = cursor.peek() else { return ConfigurationError(at: cursor.location, "end of file \(place)") }
        let shown =
            switch byte {
            case UInt8(ascii: "\n"): "end of line"
            case 0x21...0x7E: "'\(Character(Unicode.Scalar(byte)))'"
            default: "a character"
            }
        return ConfigurationError(at: cursor.location, "\(shown) \(place)")
    }
}
