// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A place in a configuration file; lines and columns count from one, a column is one Unicode scalar.
public struct SourceLocation: Hashable, Sendable {
    /// The file's name as it was given or included.
    public var file: String
    /// The line, or zero when the whole file is meant.
    public var line: Int
    /// The column, or zero when the whole line is meant.
    public var column: Int

    /// A place in a file.
    public init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }
}

extension SourceLocation {
    /// The name of the text that holds the defaults.
    static let builtInName = "(built-in defaults)"

    /// Whether a value from here is a default rather than something that somebody wrote.
    var isBuiltIn: Bool { file == Self.builtInName }
}

extension SourceLocation: CustomStringConvertible {
    /// `jvb.conf:12:7`.
    public var description: String {
        if line == 0 { return file }
        return column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)"
    }
}

/// Why a configuration cannot be used. The process ends with status 78 (operations.md a.2, Q16).
public struct ConfigurationError: Error, Hashable, Sendable {
    /// Where.
    public var location: SourceLocation
    /// What is wrong and what would be right.
    public var message: String

    /// An error at a place.
    public init(at location: SourceLocation, _ message: String) {
        self.location = location
        self.message = message
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// `jvb.conf:12:7: what is wrong`.
    public var description: String { "\(location): \(message)" }
}
