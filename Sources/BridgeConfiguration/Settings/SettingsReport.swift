// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Texts made from the settings table: the reference, the sample file, the effective configuration.
public enum SettingsReport {
    /// `docs/configuration.md`.
    public static func reference() -> String {
        var text = """
            # Configuration

            Generated from the settings table by `viaduct --print-config-reference`; do not edit.

            Viaduct reads `jvb.conf` in HOCON with jitsi-videobridge's names and defaults. A syntax error, a value of the
            wrong type or out of range ends the process with status 78 and a message with file, line and column. Unknown
            settings are listed in one warning.

            Durations take `ns us ms s m h d` (milliseconds without a unit), bandwidths `bps kbps mbps`, fractions a number
            or a percentage. Settings marked *not yet* are read and checked, but the feature they belong to is still to come.

            """
        for section in SettingsTable.sections {
            text += "\n## \(section.title)\n\n| Setting | Type | Default | Meaning |\n|---|---|---|---|\n"
            for entry in section.entries {
                let mark = entry.use == .notYet ? " *Not yet.*" : ""
                let aliases =
                    entry.aliases.isEmpty
                    ? "" : " Older name: " + entry.aliases.map { "`\($0)`" }.joined(separator: ", ") + "."
                let fallback = entry.fallback.isEmpty ? "unset" : "`\(entry.fallback)`"
                text += "| `\(entry.path)` | \(entry.type.label) | \(fallback) | \(entry.meaning)\(aliases)\(mark) |\n"
            }
        }
        return text
    }

    /// `config/jvb.conf`: every setting that has an effect, commented out with its default.
    public static func sample() -> String {
        var text = """
            # Configuration of Viaduct, in HOCON. Every setting below shows its default; remove the # to change one.
            # Generated from the settings table by `viaduct --print-config-sample`; docs/configuration.md has all settings.

            # The XMPP server to log in to. Without a complete block the bridge runs alone and is of use to nobody.
            # videobridge.apis.xmpp-client.configs {
            #   shard {
            #     HOSTNAME = localhost
            #     PORT = 5222
            #     DOMAIN = "auth.meet.example.org"
            #     USERNAME = jvb
            #     PASSWORD = "change me"
            #     MUC_JIDS = "jvbbrewery@internal.auth.meet.example.org"
            #     MUC_NICKNAME = bridge-1
            #     DISABLE_CERTIFICATE_VERIFICATION = false
            #   }
            # }

            """
        for section in SettingsTable.sections {
            let used = section.entries.filter { entry in
                if case .clients = entry.type { return false }
                return entry.use == .used
            }
            if used.isEmpty { continue }
            text += "\n# \(section.title)\n\n"
            for entry in used {
                text += wrapped(entry.meaning)
                text += "# \(entry.path) = \(entry.fallback.isEmpty ? "null" : sampleValue(entry))\n\n"
            }
        }
        return text
    }

    private static func sampleValue(_ entry: SettingEntry) -> String {
        if case .text = entry.type { return "\"\(entry.fallback)\"" }
        return entry.fallback
    }

    private static func wrapped(_ text: String) -> String {
        var lines: [String] = []
        var line = "##"
        for word in text.split(separator: " ") {
            if line.count + word.count > 100 {
                lines.append(line)
                line = "##"
            }
            line += " " + word
        }
        return (lines + [line]).joined(separator: "\n") + "\n"
    }

    /// Every known setting with its effective value; anything that smells of a secret is masked.
    static func effective(_ document: ConfigurationDocument, written: [String: ConfigurationNode]) -> String {
        var text = ""
        for entry in SettingsTable.entries where entry.use != .ignored {
            let node = written[entry.path]
            let value = node.map { render($0, name: entry.path) } ?? (entry.fallback.isEmpty ? "null" : entry.fallback)
            let origin = node.map { " # \($0.location.file):\($0.location.line)" } ?? ""
            text += "\(entry.path) = \(value)\(origin)\n"
        }
        return text
    }

    private static func render(_ node: ConfigurationNode, name: String) -> String {
        switch node.content {
        case .null: return "null"
        case .text(let text, _): return isSecret(name) ? "\"***\"" : quoted(text)
        case .list(let items): return "[" + items.map { render($0, name: name) }.joined(separator: ", ") + "]"
        case .object(let object):
            let fields = object.fields.map { "\(quoted($0.name)) = \(render($0.value, name: $0.name))" }
            return "{ " + fields.joined(separator: ", ") + " }"
        }
    }

    private static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["password", "secret", "token"].contains { name.contains($0) }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
