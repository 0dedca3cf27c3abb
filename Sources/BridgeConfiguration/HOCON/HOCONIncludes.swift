// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// `include "name"`, `include file("name")`, `include required(…)`.
extension HOCONParser {
    /// Reads an include statement when there is one.
    /// - Returns: `false` when an ordinary key stands here.
    mutating func parseInclude(into object: ObjectSyntax, path: [String]) throws(ConfigurationError) -> Bool {
        let location = cursor.location
        guard cursor.startsWith("include") else { return false }
        let saved = cursor
        cursor.advance(7)
        cursor.skipSpaces()
        var isRequired = false
        var closing = 0
        while cursor.peek() != UInt8(ascii: "\"") {
            if cursor.startsWith("required(") {
                isRequired = true
                cursor.advance(9)
            } else if cursor.startsWith("file(") {
                cursor.advance(5)
            } else if cursor.startsWith("url(") || cursor.startsWith("classpath(") {
                throw ConfigurationError(at: cursor.location, "only files can be included, not url() or classpath()")
            } else {
                cursor = saved
                return false
            }
            closing += 1
            cursor.skipSpaces()
        }
        let name = try quotedString()
        for _ in 0..<closing {
            cursor.skipSpaces()
            guard cursor.peek() == UInt8(ascii: ")") else {
                throw unexpected("where ) was expected after the file name")
            }
            cursor.advance()
        }
        try include(name, isRequired: isRequired, into: object, path: path, at: location)
        return true
    }

    private func include(
        _ name: String, isRequired: Bool, into object: ObjectSyntax, path: [String], at location: SourceLocation
    ) throws(ConfigurationError) {
        guard includeDepth < BridgeConfigurationLimits.includeNesting else {
            throw ConfigurationError(
                at: location,
                "includes nested deeper than \(BridgeConfigurationLimits.includeNesting); does a file include itself?")
        }
        let files = try session.files(for: name, isRequired: isRequired, from: location)
        if files.isEmpty, isRequired {
            throw ConfigurationError(at: location, "the required file \"\(name)\" does not exist")
        }
        for (file, bytes) in files {
            if file.hasSuffix(".properties") {
                try PropertiesReader.read(bytes, file: file, into: object)
            } else {
                try HOCONParser.parse(
                    bytes, file: file, into: object, prefix: path, includeDepth: includeDepth + 1, session: session)
            }
        }
    }
}

/// Text without white space at its ends.
func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
}
