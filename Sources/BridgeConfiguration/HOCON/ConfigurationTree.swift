// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A value of a configuration after includes, merges and substitutions.
public struct ConfigurationNode: Sendable {
    /// What a value can be. Numbers and booleans are text as written; their reader decides what they mean.
    public enum Content: Sendable {
        /// `null`: hides whatever default there is.
        case null
        /// Text, with or without quotes in the file.
        case text(String, quoted: Bool)
        /// A list.
        case list([ConfigurationNode])
        /// An object.
        case object(ConfigurationObject)
    }

    /// The value.
    public let content: Content
    /// Where its text stands.
    public let location: SourceLocation
    /// This value and everything below it, counted.
    let weight: Int
    /// How many levels there are, this one included.
    let depth: Int
    /// Whether this value and everything below it is a default.
    let isBuiltIn: Bool
    /// Whether any of it is.
    private let holdsBuiltIn: Bool

    /// A value read at `location`.
    public init(_ content: Content, at location: SourceLocation) {
        self.content = content
        self.location = location
        let children: [ConfigurationNode] =
            switch content {
            case .null, .text: []
            case .list(let items): items
            case .object(let object): object.fields.map(\.value)
            }
        var weight = 1
        var depth = 0
        var isBuiltIn = location.isBuiltIn
        var holdsBuiltIn = isBuiltIn
        for child in children {
            weight += child.weight
            depth = max(depth, child.depth)
            isBuiltIn = isBuiltIn && child.isBuiltIn
            holdsBuiltIn = holdsBuiltIn || child.holdsBuiltIn
        }
        self.weight = weight
        self.depth = depth + 1
        self.isBuiltIn = isBuiltIn
        self.holdsBuiltIn = holdsBuiltIn
    }

    /// The same value as somebody's own: what a substitution takes from the defaults is no default where it lands.
    func adopted(at location: SourceLocation) -> ConfigurationNode {
        guard holdsBuiltIn else { return self }
        let here = self.location.isBuiltIn ? location : self.location
        switch content {
        case .null, .text: return ConfigurationNode(content, at: here)
        case .list(let items): return ConfigurationNode(.list(items.map { $0.adopted(at: location) }), at: here)
        case .object(let object):
            var adopted = ConfigurationObject()
            for (name, value) in object.fields { adopted[name] = value.adopted(at: location) }
            return ConfigurationNode(.object(adopted), at: here)
        }
    }

    /// The object in this value, or `nil`.
    public var object: ConfigurationObject? {
        if case .object(let object) = content { return object }
        return nil
    }

    /// The text in this value, or `nil`.
    public var text: String? {
        if case .text(let text, _) = content { return text }
        return nil
    }

    /// What the value is, for messages.
    var kindName: String {
        switch content {
        case .null: "null"
        case .text: "text"
        case .list: "a list"
        case .object: "an object"
        }
    }
}

/// The fields of an object, in the order in which they first appeared.
public struct ConfigurationObject: Sendable {
    private var order: [String] = []
    private var values: [String: ConfigurationNode] = [:]

    /// An object without fields.
    public init() {}

    /// Names and values in order.
    public var fields: [(name: String, value: ConfigurationNode)] {
        order.compactMap { name in values[name].map { (name, $0) } }
    }

    /// The value under a name.
    public subscript(name: String) -> ConfigurationNode? {
        get { values[name] }
        set {
            if values[name] == nil, newValue != nil { order.append(name) }
            values[name] = newValue
        }
    }

    /// The value at a path of names, or `nil`.
    public func value(at path: some Collection<String>) -> ConfigurationNode? {
        guard let first = path.first else { return nil }
        let value = values[first]
        let rest = path.dropFirst()
        return rest.isEmpty ? value : value?.object?.value(at: rest)
    }

    /// These fields with `newer` laid over them: objects merge, anything else replaces.
    func merged(with newer: ConfigurationObject) -> ConfigurationObject {
        var result = self
        for (name, value) in newer.fields {
            if let mine = result[name]?.object, let theirs = value.object {
                result[name] = ConfigurationNode(.object(mine.merged(with: theirs)), at: value.location)
            } else {
                result[name] = value
            }
        }
        return result
    }
}
