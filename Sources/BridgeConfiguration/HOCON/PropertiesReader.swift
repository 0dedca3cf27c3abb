// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads Java properties: files that HOCON includes, and `sip-communicator.properties` (operations.md a.6).
///
/// The grammar is that of `java.util.Properties.load`: `key = value`, `key: value` or `key value`, comments after `#`
/// and `!`, a backslash at the end of a line joins the next one, `\t \n \f \r \uXXXX` and a backslash before anything
/// else stand for what they say.
struct PropertiesReader {
    /// One property.
    struct Property {
        let key: String
        let value: String
        let location: SourceLocation
    }

    private let bytes: [UInt8]
    private let file: String
    private var position = 0
    private var line = 1

    private init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// All properties in the file's order.
    static func properties(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> [Property] {
        guard bytes.count <= BridgeConfigurationLimits.fileSize else {
            throw ConfigurationError(
                at: SourceLocation(file: file), "larger than \(BridgeConfigurationLimits.fileSize) bytes")
        }
        var reader = PropertiesReader(bytes, file: file)
        var result: [Property] = []
        while let property = try reader.next() { result.append(property) }
        return result
    }

    /// Assigns every property to its dotted path. A property that is also the beginning of a longer one is dropped, as
    /// an object and a text cannot stand in the same place (HOCON.md, "Conversion of properties").
    static func read(_ bytes: [UInt8], file: String, into object: ObjectSyntax) throws(ConfigurationError) {
        let properties = try properties(bytes, file: file)
        var objects: Set<[String]> = []
        for property in properties {
            let path = path(property.key)
            guard path.count <= BridgeConfigurationLimits.nesting else { continue }
            for count in 1..<max(path.count, 1) { objects.insert(Array(path.prefix(count))) }
        }
        for property in properties where !objects.contains(path(property.key)) {
            try assign(property.key, property.value, into: object, at: property.location)
        }
    }

    /// Assigns a dotted key; used for properties files and for `-D` settings.
    static func assign(
        _ key: String, _ value: String, into object: ObjectSyntax, at location: SourceLocation
    ) throws(ConfigurationError) {
        let path = path(key)
        guard let last = path.last else { return }
        guard path.count <= BridgeConfigurationLimits.nesting else {
            throw ConfigurationError(at: location, "nested deeper than \(BridgeConfigurationLimits.nesting) levels")
        }
        object.object(at: Array(path.dropLast()), location: location).slot(last)
            .append(.text(value, quoted: true), at: location)
    }

    private static func path(_ key: String) -> [String] { key.split(separator: ".").map(String.init) }

    // MARK: Grammar

    private var location: SourceLocation { SourceLocation(file: file, line: line, column: 1) }
    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }
    private var isAtLineEnd: Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

    private mutating func passLineEnd() {
        if byte == UInt8(ascii: "\r") {
            position += 1
            if byte != UInt8(ascii: "\n") { line += 1 }
        }
        if byte == UInt8(ascii: "\n") {
            position += 1
            line += 1
        }
    }

    private mutating func passBlanks() {
        while byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == 0x0C { position += 1 }
    }

    private mutating func next() throws(ConfigurationError) -> Property? {
        while true {
            passBlanks()
            if isAtLineEnd {
                passLineEnd()
            } else if byte == UInt8(ascii: "#") || byte == UInt8(ascii: "!") {
                while byte != nil, !isAtLineEnd { position += 1 }
            } else {
                break
            }
        }
        guard byte != nil else { return nil }
        let start = location
        let key = try text(untilSeparator: true)
        passBlanks()
        if byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") {
            position += 1
            passBlanks()
        }
        return Property(key: key, value: try text(untilSeparator: false), location: start)
    }

    /// Text up to the end of the line or, in a key, up to what ends a key.
    private mutating func text(untilSeparator: Bool) throws(ConfigurationError) -> String {
        var result: [UInt8] = []
        while let byte, !isAtLineEnd {
            if untilSeparator, [0x20, 0x09, 0x0C, UInt8(ascii: "="), UInt8(ascii: ":")].contains(byte) { break }
            position += 1
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            try escape(into: &result)
        }
        return String(decoding: result, as: UTF8.self)
    }

    private mutating func escape(into result: inout [UInt8]) throws(ConfigurationError) {
        guard let byte else { return }
        if isAtLineEnd {
            passLineEnd()
            passBlanks()
            return
        }
        position += 1
        switch byte {
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "u"): result += String(try unicodeEscape()).utf8
        default: result.append(byte)
        }
    }

    private mutating func unicodeEscape() throws(ConfigurationError) -> Unicode.Scalar {
        let first = try fourHexDigits()
        if first & 0xFC00 == 0xD800, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        {
            let saved = position
            position += 2
            let second = try fourHexDigits()
            if second & 0xFC00 == 0xDC00,
                let scalar = Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF))
            {
                return scalar
            }
            position = saved
        }
        return Unicode.Scalar(first) ?? "\u{FFFD}"
    }

    private mutating func fourHexDigits() throws(ConfigurationError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw ConfigurationError(at: location, "\\u needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
