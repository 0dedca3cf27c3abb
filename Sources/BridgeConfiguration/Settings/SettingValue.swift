// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A setting's text, understood.
enum SettingValue: Sendable {
    case unset
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case duration(TimeDelta)
    case text(String)
    case texts([String])
    case node(ConfigurationNode)
}

/// Reads texts as the types of operations.md a.3.
struct SettingTextReader {
    let entry: SettingEntry

    /// Understands a node as the entry's type.
    func value(of node: ConfigurationNode) throws(ConfigurationError) -> SettingValue {
        switch entry.type {
        case .anything, .clients, .mappings, .integerMap: return .node(node)
        case .texts, .choices: return .texts(try texts(node))
        default: break
        }
        guard let text = node.text else {
            throw ConfigurationError(
                at: node.location, "\(entry.path) must be \(entry.type.label), not \(node.kindName)")
        }
        guard let value = value(ofText: text) else {
            throw ConfigurationError(at: node.location, "\(entry.path) must be \(entry.type.label), not \"\(text)\"")
        }
        return value
    }

    private func value(ofText text: String) -> SettingValue? {
        switch entry.type {
        case .boolean: return Self.boolean(text).map { .boolean($0) }
        case .integer(let range): return Self.integer(text).flatMap { range.contains($0) ? .integer($0) : nil }
        case .bytes(let range): return Self.bytes(text).flatMap { range.contains($0) ? .integer($0) : nil }
        case .bandwidth: return Self.bandwidth(text).map { .integer($0) }
        case .number(let range): return Self.number(text).flatMap { range.contains($0) ? .number($0) : nil }
        case .fraction: return Self.fraction(text).map { .number($0) }
        case .duration: return Self.duration(text).flatMap { $0 >= .zero ? .duration($0) : nil }
        case .signedDuration: return Self.duration(text).map { .duration($0) }
        case .choice(let words): return words.contains(text) ? .text(text) : nil
        case .text: return .text(text)
        case .texts, .choices, .integerMap, .clients, .mappings, .anything: return nil
        }
    }

    /// A list of texts, or one text with commas or semicolons between them as older files have it.
    private func texts(_ node: ConfigurationNode) throws(ConfigurationError) -> [String] {
        var result: [String] = []
        switch node.content {
        case .list(let items):
            for item in items {
                guard let text = item.text else {
                    throw ConfigurationError(at: item.location, "\(entry.path) must be a list of text")
                }
                result.append(text)
            }
        case .text(let text, _):
            result = text.split { $0 == "," || $0 == ";" }.map { String(trimmed($0)) }.filter { !$0.isEmpty }
        default:
            throw ConfigurationError(at: node.location, "\(entry.path) must be a list, not \(node.kindName)")
        }
        if case .choices(let words) = entry.type {
            if result.isEmpty { throw ConfigurationError(at: node.location, "\(entry.path) must not be empty") }
            if let stranger = result.first(where: { !words.contains($0) }) {
                throw ConfigurationError(
                    at: node.location,
                    "\(entry.path) has \"\(stranger)\"; possible are \(words.joined(separator: ", "))")
            }
        }
        return result
    }

    // MARK: Plain types

    static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        default: nil
        }
    }

    static func integer(_ text: String) -> Int? {
        if let value = Int(text) { return value }
        return number(text).flatMap { Int(exactly: $0) }
    }

    /// A finite decimal number; Swift's other spellings (hexadecimal, infinity) are refused.
    static func number(_ text: some StringProtocol) -> Double? {
        let allowed = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
        }
        guard allowed, let value = Double(text), value.isFinite else { return nil }
        return value
    }

    static func fraction(_ text: String) -> Double? {
        var digits = trimmed(text[...])
        let isPercent = digits.last == "%"
        if isPercent { digits = trimmed(digits.dropLast()) }
        guard let value = number(digits) else { return nil }
        let fraction = isPercent ? value / 100 : value
        return (0...1).contains(fraction) ? fraction : nil
    }

    /// Splits `10 Mbps` into its number and its unit.
    private static func split(_ text: String) -> (Double, String)? {
        let text = trimmed(text[...])
        let end = text.lastIndex { $0.isNumber || $0 == "." }.map { text.index(after: $0) } ?? text.startIndex
        guard let value = number(text[..<end]) else { return nil }
        return (value, String(trimmed(text[end...])))
    }

    static func duration(_ text: String) -> TimeDelta? {
        guard let (value, unit) = split(text) else { return nil }
        let nanoseconds: Double
        switch unit {
        case "ns", "nano", "nanos", "nanosecond", "nanoseconds": nanoseconds = 1
        case "us", "micro", "micros", "microsecond", "microseconds": nanoseconds = 1e3
        case "", "ms", "milli", "millis", "millisecond", "milliseconds": nanoseconds = 1e6
        case "s", "second", "seconds": nanoseconds = 1e9
        case "m", "minute", "minutes": nanoseconds = 60e9
        case "h", "hour", "hours": nanoseconds = 3_600e9
        case "d", "day", "days": nanoseconds = 86_400e9
        default: return nil
        }
        let total = (value * nanoseconds).rounded()
        guard total.magnitude <= BridgeConfigurationLimits.durationNanoseconds else { return nil }
        return TimeDelta(nanoseconds: Int64(total))
    }

    /// Bits per second.
    static func bandwidth(_ text: String) -> Int? {
        guard let (value, unit) = split(text), value >= 0 else { return nil }
        switch unit.lowercased() {
        case "bps": return Int(exactly: value.rounded())
        case "kbps": return Int(exactly: (value * 1e3).rounded())
        case "mbps": return Int(exactly: (value * 1e6).rounded())
        default: return nil
        }
    }

    static func bytes(_ text: String) -> Int? {
        guard let (value, unit) = split(text), value >= 0 else { return nil }
        switch unit.lowercased() {
        case "", "b", "byte", "bytes": return Int(exactly: value)
        case "k", "kb", "kib": return Int(exactly: (value * 1_024).rounded())
        case "m", "mb", "mib": return Int(exactly: (value * 1_048_576).rounded())
        case "g", "gb", "gib": return Int(exactly: (value * 1_073_741_824).rounded())
        default: return nil
        }
    }
}
