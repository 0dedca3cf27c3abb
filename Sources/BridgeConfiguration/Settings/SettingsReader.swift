// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Something an administrator should know about a configuration that can be used.
public struct ConfigurationNotice: Hashable, Sendable, CustomStringConvertible {
    /// How much it matters.
    public enum Level: Sendable {
        /// Probably a mistake.
        case warning
        /// Good to know.
        case info
    }

    /// How much it matters.
    public var level: Level
    /// The whole text, with file and line where there is one.
    public var message: String

    /// A notice.
    public init(level: Level, message: String) {
        self.level = level
        self.message = message
    }

    /// The text.
    public var description: String { message }
}

/// Checks a document against the table and hands out values by the table's paths.
struct SettingsReader {
    private var values: [String: SettingValue] = [:]
    /// Text of every setting that the file gives, for printing.
    private(set) var written: [String: ConfigurationNode] = [:]
    private(set) var notices: [ConfigurationNotice]
    let document: ConfigurationDocument
    let legacy: LegacySettings

    init(_ document: ConfigurationDocument, legacy file: LegacyFile? = nil) throws(ConfigurationError) {
        self.document = document
        legacy = try LegacySettings(document, file: file)
        notices = document.notices
        for entry in SettingsTable.entries {
            var node = legacy.values[entry.path]
            var fallback: ConfigurationNode?
            for name in entry.names where node == nil {
                node = try Self.node(at: name, in: document)
                // The tree holds the defaults too; an older name that somebody wrote goes before the default.
                if node?.isBuiltIn == true {
                    fallback = node
                    node = nil
                }
            }
            try set(entry, from: node, else: fallback)
        }
        var walk = KeyWalk()
        walk.visit(document.root, path: "", referenced: document.referenced)
        notices += walk.notices + legacy.notices
    }

    /// The node at a path; something that is not an object on the way is an error.
    private static func node(at path: String, in document: ConfigurationDocument)
        throws(ConfigurationError) -> ConfigurationNode?
    {
        var object = document.root
        let names = path.split(separator: ".").map(String.init)
        for (index, name) in names.enumerated() {
            guard let node = object[name] else { return nil }
            if case .null = node.content { return nil }
            if index == names.count - 1 { return node }
            guard let next = node.object else {
                let here = names[...index].joined(separator: ".")
                throw ConfigurationError(at: node.location, "\(here) must be an object, not \(node.kindName)")
            }
            object = next
        }
        return nil
    }

    private mutating func set(
        _ entry: SettingEntry, from node: ConfigurationNode?, else fallback: ConfigurationNode?
    ) throws(ConfigurationError) {
        let reader = SettingTextReader(entry: entry)
        if let node {
            written[entry.path] = node
            values[entry.path] = try reader.value(of: node)
        } else if let fallback {
            values[entry.path] = try reader.value(of: fallback)
        } else if entry.fallback.isEmpty {
            values[entry.path] = .unset
        } else {
            // Somebody hid the default with null. It is HOCON text, so that it means here what it would in a file.
            let text = [UInt8]("value = \(entry.fallbackText)".utf8)
            let document = try HOCONReader.read(text, file: "default of \(entry.path)")
            guard let node = document.root["value"] else { return }
            values[entry.path] = try reader.value(of: node)
        }
    }

    mutating func warn(_ message: String, at location: SourceLocation? = nil) {
        notices.append(ConfigurationNotice(level: .warning, message: location.map { "\($0): \(message)" } ?? message))
    }

    // MARK: Values

    private func value(_ path: String) -> SettingValue {
        guard let value = values[path] else { preconditionFailure("\(path) is not in the settings table") }
        return value
    }

    func boolean(_ path: String) -> Bool {
        if case .boolean(let value) = value(path) { return value }
        preconditionFailure("\(path) is not a boolean with a default")
    }

    /// A boolean that may be unset.
    func optionalBoolean(_ path: String) -> Bool? {
        if case .boolean(let value) = value(path) { return value }
        return nil
    }

    func integer(_ path: String) -> Int {
        if case .integer(let value) = value(path) { return value }
        preconditionFailure("\(path) is not an integer with a default")
    }

    func number(_ path: String) -> Double {
        if case .number(let value) = value(path) { return value }
        preconditionFailure("\(path) is not a number with a default")
    }

    func duration(_ path: String) -> TimeDelta {
        if case .duration(let value) = value(path) { return value }
        preconditionFailure("\(path) is not a duration with a default")
    }

    /// A duration that may be unset.
    func optionalDuration(_ path: String) -> TimeDelta? {
        if case .duration(let value) = value(path) { return value }
        return nil
    }

    /// A number of things that may be unset.
    func optionalInteger(_ path: String) -> Int? {
        if case .integer(let value) = value(path) { return value }
        return nil
    }

    func texts(_ path: String) -> [String] {
        if case .texts(let value) = value(path) { return value }
        preconditionFailure("\(path) is not a list with a default")
    }

    func text(_ path: String) -> String {
        if case .text(let value) = value(path) { return value }
        preconditionFailure("\(path) is not text with a default")
    }

    /// Text that may be unset; empty counts as unset.
    func optionalText(_ path: String) -> String? {
        if case .text(let value) = value(path), !value.isEmpty { return value }
        return nil
    }

    func node(_ path: String) -> ConfigurationNode? {
        if case .node(let node) = value(path) { return node }
        return nil
    }
}
