// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Finds keys that the table does not know, and keys that have no effect (operations.md a.2, load policy).
struct KeyWalk {
    private static let known: [String: SettingEntry] = {
        var result: [String: SettingEntry] = [:]
        for entry in SettingsTable.entries {
            for name in entry.names { result[name] = entry }
        }
        for name in LegacySettings.namesInTree {
            let path = LegacyName.byName[name]?.path ?? "ice4j.harvest.mapping.static-mappings"
            result[name] = result[path]
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
        for (name, node) in object.fields where !node.isBuiltIn {
            let here = path.isEmpty ? name : path + "." + name
            let shown = "\(here) (\(SourceLocation(file: node.location.file, line: node.location.line)))"
            if let entry = Self.known[here] {
                switch entry.use {
                case .used: break
                case .notYet: withoutEffect.append(shown)
                case .ignored:
                    if Self.groups.contains(here), let inner = node.object {
                        visitIgnored(inner, path: here)
                    } else {
                        ignored.append(shown)
                    }
                }
            } else if Self.groups.contains(here) {
                if let inner = node.object { visit(inner, path: here, referenced: referenced) }
            } else if !isHelper(here, referenced) {
                unknown.append(shown)
            }
        }
    }

    /// A group without a meaning that has a few names that still count, such as `videobridge.octo`.
    private mutating func visitIgnored(_ object: ConfigurationObject, path: String) {
        for (name, node) in object.fields {
            let here = path + "." + name
            if Self.known[here] != nil { continue }
            if Self.groups.contains(here), let inner = node.object {
                visitIgnored(inner, path: here)
            } else {
                ignored.append("\(here) (\(SourceLocation(file: node.location.file, line: node.location.line)))")
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

    static func list(_ keys: [String]) -> String {
        let limit = BridgeConfigurationLimits.listedKeys
        let shown = keys.prefix(limit).joined(separator: ", ")
        return keys.count > limit ? shown + ", and \(keys.count - limit) more" : shown
    }
}
