// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Finds keys that the table does not know, and keys that have no effect (operations.md a.2, load policy).
struct KeyWalk {
    private static let known: [String: SettingEntry] = {
        var result: [String: SettingEntry] = [:]
        for entry in SettingsTable.entries {
            for name in entry.names { result[name] = entry }
        }
        return result
    }()
    private static let groups: Set<String> = {
        var result: Set<String> = []
        for name in known.keys {
            var path = name[...]
            while let dot = path.lastIndex(of: ".") {
                path = path[..<dot]
                result.insert(String(path))
            }
        }
        return result
    }()

    private var unknown: [String] = []
    private var withoutEffect: [String] = []
    private var ignored: [String] = []

    mutating func visit(_ object: ConfigurationObject, path: String, referenced: Set<String>) {
        for (name, node) in object.fields {
            let here = path.isEmpty ? name : path + "." + name
            let shown = "\(here) (\(SourceLocation(file: node.location.file, line: node.location.line)))"
            if let entry = Self.known[here] {
                switch entry.use {
                case .used: break
                case .notYet: withoutEffect.append(shown)
                case .ignored where Self.groups.contains(here):
                    // A group with a few names that still count, such as videobridge.octo.
                    for (inner, value) in node.object?.fields ?? [] where Self.known["\(here).\(inner)"] == nil {
                        ignored.append("\(here).\(inner) (\(value.location.file):\(value.location.line))")
                    }
                case .ignored: ignored.append(shown)
                }
            } else if Self.groups.contains(here) {
                if let inner = node.object { visit(inner, path: here, referenced: referenced) }
            } else if !isHelper(here, referenced) {
                unknown.append(shown)
            }
        }
    }

    /// Whether substitutions refer to this key or to something below it.
    private func isHelper(_ path: String, _ referenced: Set<String>) -> Bool {
        referenced.contains(path) || referenced.contains { $0.hasPrefix(path + ".") }
    }

    var notices: [ConfigurationNotice] {
        var result: [ConfigurationNotice] = []
        if !unknown.isEmpty {
            result.append(ConfigurationNotice(level: .warning, message: "unknown settings: " + Self.list(unknown)))
        }
        if !ignored.isEmpty {
            result.append(
                ConfigurationNotice(level: .warning, message: "settings without a meaning here: " + Self.list(ignored)))
        }
        if !withoutEffect.isEmpty {
            result.append(
                ConfigurationNotice(level: .info, message: "settings without effect yet: " + Self.list(withoutEffect)))
        }
        return result
    }

    private static func list(_ keys: [String]) -> String {
        let limit = BridgeConfigurationLimits.listedKeys
        let shown = keys.prefix(limit).joined(separator: ", ")
        return keys.count > limit ? shown + ", and \(keys.count - limit) more" : shown
    }
}
