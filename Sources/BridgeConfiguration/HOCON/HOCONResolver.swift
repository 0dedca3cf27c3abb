// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Turns syntax into values: merges assignments, follows substitutions, joins concatenations.
final class HOCONResolver {
    private let root: ObjectSyntax
    private let environment: [String: String]
    private var steps = 0
    private var nesting = 0
    /// Dotted paths that some substitution asked for.
    private(set) var referenced: Set<String> = []

    init(root: ObjectSyntax, environment: [String: String]) {
        self.root = root
        self.environment = environment
    }

    /// The whole tree.
    func resolve(at location: SourceLocation) throws(ConfigurationError) -> ConfigurationObject {
        try object(root, at: location)
    }

    private func object(_ syntax: ObjectSyntax, at location: SourceLocation) throws(ConfigurationError)
        -> ConfigurationObject
    {
        try step(at: location)
        var result = ConfigurationObject()
        for key in syntax.order {
            guard let slot = syntax.slots[key] else { continue }
            result[key] = try value(of: slot)
        }
        return result
    }

    /// What a key holds: its own outcome, or what stood before the entry that is being resolved right now.
    private func value(of slot: Slot) throws(ConfigurationError) -> ConfigurationNode? {
        if let current = slot.resolving { return try value(of: slot, below: current) }
        if let outcome = slot.outcome { return outcome }
        let outcome = try value(of: slot, below: slot.entries.count)
        slot.outcome = .some(outcome)
        return outcome
    }

    /// Newest first: the first defined value wins; objects are laid over the objects before them.
    private func value(of slot: Slot, below limit: Int) throws(ConfigurationError) -> ConfigurationNode? {
        let saved = slot.resolving
        defer { slot.resolving = saved }
        var stack = Overlay()
        for index in stride(from: limit - 1, through: 0, by: -1) {
            slot.resolving = index
            let entry = slot.entries[index]
            guard let value = try value(entry.value, at: entry.location, in: slot) else { continue }
            if !stack.put(under: value) { break }
        }
        return try checked(stack.result)
    }

    /// Values found from the newest to the oldest.
    private struct Overlay {
        private(set) var result: ConfigurationNode?

        /// - Returns: whether an older value can still matter.
        mutating func put(under older: ConfigurationNode) -> Bool {
            guard let newer = result else {
                result = older
                return older.object != nil
            }
            guard let above = newer.object, let below = older.object else { return false }
            result = ConfigurationNode(.object(below.merged(with: above)), at: newer.location)
            return true
        }
    }

    private func value(_ syntax: ValueSyntax, at location: SourceLocation, in slot: Slot?)
        throws(ConfigurationError) -> ConfigurationNode?
    {
        try step(at: location)
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= BridgeConfigurationLimits.substitutionNesting else {
            throw ConfigurationError(
                at: location, "substitutions nested deeper than \(BridgeConfigurationLimits.substitutionNesting)")
        }
        switch syntax {
        case .null: return ConfigurationNode(.null, at: location)
        case .text(let text, let quoted): return ConfigurationNode(.text(text, quoted: quoted), at: location)
        case .space(let text): return ConfigurationNode(.text(text, quoted: false), at: location)
        case .object(let object):
            return try checked(ConfigurationNode(.object(try self.object(object, at: location)), at: location))
        case .list(let items):
            var values: [ConfigurationNode] = []
            for item in items {
                if let value = try value(item.value, at: item.location, in: nil) { values.append(value) }
            }
            return try checked(ConfigurationNode(.list(values), at: location))
        case .previous: return try slot.flatMap { slot throws(ConfigurationError) in try value(of: slot) }
        case .substitution(let wanted): return try value(for: wanted, at: location)
        case .concatenation(let parts): return try concatenation(parts, at: location, in: slot)
        }
    }

    private func value(for wanted: Substitution, at location: SourceLocation)
        throws(ConfigurationError) -> ConfigurationNode?
    {
        let name = wanted.path.joined(separator: ".")
        referenced.insert(name)
        if !wanted.prefix.isEmpty {
            referenced.insert((wanted.prefix + wanted.path).joined(separator: "."))
            if let value = try lookUp((wanted.prefix + wanted.path)[...], in: root) {
                return moved(value, to: location)
            }
        }
        if let value = try lookUp(wanted.path[...], in: root) {
            if case .null = value.content, wanted.isOptional { return nil }
            return moved(value, to: location)
        }
        if let text = environment[name] {
            return ConfigurationNode(.text(text, quoted: true), at: location)
        }
        if wanted.isOptional { return nil }
        throw ConfigurationError(
            at: wanted.location, "${\(name)} is neither set before it is needed here nor an environment variable")
    }

    /// Messages about a substituted value point to where it is used.
    private func moved(_ value: ConfigurationNode, to location: SourceLocation) -> ConfigurationNode {
        ConfigurationNode(value.adopted(at: location).content, at: location)
    }

    private func lookUp(_ path: ArraySlice<String>, in object: ObjectSyntax)
        throws(ConfigurationError) -> ConfigurationNode?
    {
        guard let first = path.first, let slot = object.slots[first] else { return nil }
        let rest = path.dropFirst()
        if rest.isEmpty { return try value(of: slot) }
        var stack = Overlay()
        for (index, entry) in slot.entries.enumerated().reversed() {
            try step(at: entry.location)
            let found: ConfigurationNode?
            if case .object(let inner) = entry.value {
                found = try lookUp(rest, in: inner)
            } else if let current = slot.resolving, index >= current {
                continue
            } else {
                let saved = slot.resolving
                slot.resolving = index
                defer { slot.resolving = saved }
                guard let value = try value(entry.value, at: entry.location, in: slot) else { continue }
                guard let fields = value.object else { break }
                found = fields.value(at: rest)
            }
            if let found, !stack.put(under: found) { break }
        }
        return stack.result
    }

    private func concatenation(_ parts: [Slot.Entry], at location: SourceLocation, in slot: Slot?)
        throws(ConfigurationError) -> ConfigurationNode?
    {
        var texts: [String] = []
        var hasText = false
        var list: [ConfigurationNode]?
        var fields: ConfigurationObject?
        for part in parts {
            guard let value = try value(part.value, at: part.location, in: slot) else { continue }
            switch value.content {
            case .text(let text, _):
                texts.append(text)
                if case .space = part.value { continue }
                hasText = true
            case .null:
                texts.append("null")
                hasText = true
            case .list(let items): list = (list ?? []) + items
            case .object(let object): fields = fields?.merged(with: object) ?? object
            }
            if [hasText, list != nil, fields != nil].count(where: { $0 }) > 1 {
                throw ConfigurationError(at: part.location, "text, lists and objects cannot be joined with each other")
            }
        }
        if let list { return try checked(ConfigurationNode(.list(list), at: location)) }
        if let fields { return try checked(ConfigurationNode(.object(fields), at: location)) }
        guard hasText else { return nil }
        let text = texts.joined()
        guard text.utf8.count <= BridgeConfigurationLimits.textSize else {
            throw ConfigurationError(at: location, "value longer than \(BridgeConfigurationLimits.textSize) bytes")
        }
        return ConfigurationNode(.text(text, quoted: true), at: location)
    }

    private func step(at location: SourceLocation) throws(ConfigurationError) {
        steps += 1
        guard steps <= BridgeConfigurationLimits.resolutionSteps else {
            throw ConfigurationError(at: location, "too many substitutions")
        }
    }

    /// Refuses trees that grew out of proportion through substitution.
    private func checked(_ node: ConfigurationNode?) throws(ConfigurationError) -> ConfigurationNode? {
        guard let node else { return nil }
        guard node.weight <= BridgeConfigurationLimits.values, node.depth <= 2 * BridgeConfigurationLimits.nesting
        else {
            throw ConfigurationError(at: node.location, "the configuration grows beyond limits through substitutions")
        }
        return node
    }
}
