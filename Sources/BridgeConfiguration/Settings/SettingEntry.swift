// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// How a setting's text is understood (operations.md a.3).
public enum SettingType: Sendable {
    /// `true`, `false`, `yes`, `no`, `on`, `off`.
    case boolean
    /// A whole number in a range.
    case integer(ClosedRange<Int>)
    /// A number in a range.
    case number(ClosedRange<Double>)
    /// A number from 0 to 1, or a percentage.
    case fraction
    /// A number and a unit of time; milliseconds without a unit. Not negative.
    case duration
    /// The same, but zero and less mean "off".
    case signedDuration
    /// A number and `bps`, `kbps` or `mbps`.
    case bandwidth
    /// Bytes, with an optional `k`, `M`, `G` (1,024-based) as our extension.
    case bytes(ClosedRange<Int>)
    /// Any text.
    case text
    /// One of these words.
    case choice([String])
    /// A list of texts.
    case texts
    /// A list that is not empty, of these words.
    case choices([String])
    /// An object of whole numbers by whole numbers.
    case integerMap
    /// The named XMPP client blocks.
    case clients
    /// The list of static address mappings.
    case mappings
    /// Accepted and never read: the key and all below it.
    case anything
}

/// Whether a setting changes anything.
public enum SettingUse: Sendable {
    /// It is honoured.
    case used
    /// It is known and checked; the feature it belongs to does not exist yet.
    case notYet
    /// It has no meaning for this bridge and is ignored.
    case ignored
}

/// One row of the settings table.
public struct SettingEntry: Sendable {
    /// Where the setting stands in the tree.
    public let path: String
    /// Older names, tried in order after ``path``.
    public let aliases: [String]
    /// How its text is understood.
    public let type: SettingType
    /// The default as it would be written in the file; empty means unset.
    public let fallback: String
    /// What it does.
    public let meaning: String
    /// Whether it changes anything.
    public let use: SettingUse

    init(
        _ path: String, _ type: SettingType, _ fallback: String, _ meaning: String, _ use: SettingUse = .notYet,
        aliases: [String] = []
    ) {
        self.path = path
        self.aliases = aliases
        self.type = type
        self.fallback = fallback
        self.meaning = meaning
        self.use = use
    }

    /// The default as HOCON.
    var fallbackText: String {
        switch type {
        case .text, .choice, .fraction: "\"\(fallback)\""
        default: fallback
        }
    }

    /// The setting's names, the one that wins first.
    var names: [String] { [path] + aliases }
}

extension SettingType {
    /// The type and unit as documentation names them.
    public var label: String {
        switch self {
        case .boolean: "boolean"
        case .integer(let range): range.upperBound == .max ? "integer ≥ \(range.lowerBound)" : "integer \(range.text)"
        case .number(let range): range.upperBound == .infinity ? "number ≥ \(range.lowerBound)" : "number"
        case .fraction: "fraction (0–1 or %)"
        case .duration, .signedDuration: "duration"
        case .bandwidth: "bandwidth"
        case .bytes: "bytes"
        case .text: "text"
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .texts: "list of text"
        case .choices: "list of names"
        case .integerMap: "map of integers"
        case .clients: "named blocks"
        case .mappings: "list of mappings"
        case .anything: "anything"
        }
    }
}

extension ClosedRange<Int> {
    fileprivate var text: String { "\(lowerBound) to \(upperBound)" }
}
