// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A configuration after reading: its values and what substitutions referred to.
public struct ConfigurationDocument: Sendable {
    /// All values.
    public let root: ConfigurationObject
    /// The main file's name.
    public let file: String
    /// Dotted paths used by substitutions; such keys are helpers, not misspelt settings.
    public let referenced: Set<String>
    /// What was passed over and should be known.
    public let notices: [ConfigurationNotice]
}

/// Reads HOCON (`github.com/lightbend/config/HOCON.md`, the constructs of operations.md a.2). Touches no file itself.
public enum HOCONReader {
    /// Reads a main file.
    ///
    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - file: its name, for messages and for relative includes.
    ///   - environment: what `${NAME}` falls back to.
    ///   - systemProperties: `-Dname=value` settings; they rank below the file (operations.md Q2).
    ///   - defaults: HOCON that ranks below everything; references from the file see it (operations.md a.1).
    ///   - includes: finds included files.
    public static func read(
        _ bytes: [UInt8], file: String, environment: [String: String] = [:],
        systemProperties: [(name: String, value: String)] = [], defaults: String = "",
        includes: IncludeResolver = .none
    ) throws(ConfigurationError) -> ConfigurationDocument {
        let root = ObjectSyntax()
        let session = IncludeSession(resolver: includes)
        try HOCONParser.parse(
            Array(defaults.utf8), file: SourceLocation.builtInName, into: root,
            session: IncludeSession(resolver: .none))
        let origin = SourceLocation(file: "JAVA_SYS_PROPS")
        for (name, value) in systemProperties {
            try PropertiesReader.assign(name, value, into: root, at: origin)
        }
        try HOCONParser.parse(bytes, file: file, into: root, session: session)
        let resolver = HOCONResolver(root: root, environment: environment)
        let values = try resolver.resolve(at: SourceLocation(file: file, line: 1, column: 1))
        return ConfigurationDocument(
            root: values, file: file, referenced: resolver.referenced, notices: session.notices)
    }
}
