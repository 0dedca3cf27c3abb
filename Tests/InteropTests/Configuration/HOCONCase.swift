// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives

@testable import BridgeConfiguration

/// One configuration, as we read it and as the other reader is given it.
///
/// Where the other reader does not know a construct, it gets what HOCON.md says is the same (`+=` spelled out, a plain
/// blank for each of Unicode's white spaces).
struct HOCONCase: Sendable {
    var defaults = ""
    var main = ""
    var files: [String: String] = [:]
    var peerDefaults = ""
    var peerMain = ""
    var peerFiles: [String: String] = [:]

    /// A file that both get as it is.
    init(_ text: String) {
        main = text
        peerMain = text
    }

    /// What the other reader is told: layers in one text, since a later key goes before an earlier one.
    var request: [String: Any] { ["files": peerFiles, "main": peerDefaults + "\n" + peerMain] }

    /// Our tree, or `nil` where we refuse.
    var ours: ConfigurationObject? {
        let files = files
        let includes = IncludeResolver { name, _ in
            files[name].map { .found(file: name, bytes: Array($0.utf8)) } ?? .missing
        }
        let document = try? HOCONReader.read(
            Array(main.utf8), file: "jvb.conf", defaults: defaults, includes: includes)
        return document?.root
    }

    /// Whether a value is what the other reader made of it.
    static func agree(_ node: ConfigurationNode, _ peer: Any) -> Bool {
        switch node.content {
        case .null: return peer is NSNull
        case .text(let text, _):
            if let duration = (peer as? [String: Any])?["$us"] as? NSNumber {
                return SettingTextReader.duration(text)?.nanoseconds == duration.int64Value * 1_000
            }
            return peer as? String == text
        case .list(let items):
            guard let others = peer as? [Any], others.count == items.count else { return false }
            return zip(items, others).allSatisfy { agree($0, $1) }
        case .object(let object): return agree(object, peer)
        }
    }

    /// Whether two objects have the same fields.
    static func agree(_ object: ConfigurationObject, _ peer: Any) -> Bool {
        guard let others = peer as? [String: Any], others.count == object.fields.count else { return false }
        return object.fields.allSatisfy { name, value in others[name].map { agree(value, $0) } ?? false }
    }
}

// MARK: Generation

extension HOCONCase {
    /// White space that HOCON names, the newline aside.
    private static let spaces: [String] = [
        0x09, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0xA0, 0x1680, 0x2000, 0x2003, 0x2007, 0x200A, 0x2028, 0x2029,
        0x202F, 0x205F, 0x3000, 0xFEFF,
    ].compactMap { Unicode.Scalar($0).map { String($0) } }

    /// A random configuration of three layers: defaults, a main file, files it includes.
    init(_ random: inout Random) {
        self.init("")
        var writer = Writer(random)
        (defaults, peerDefaults) = writer.file(lines: 8, includes: [:], isDefaults: true)
        writer.keys.assigned = []
        let known = writer.keys
        var keys = ["nowhere.conf": known]
        writer.isIncluded = true
        for name in ["one.conf", "two.conf"] {
            (files[name], peerFiles[name]) = writer.file(lines: 3, includes: [:], isDefaults: false)
            keys[name] = writer.keys
            writer.keys = known
        }
        writer.isIncluded = false
        (main, peerMain) = writer.file(lines: 10, includes: keys, isDefaults: false)
        random = writer.random
    }

    /// Writes the same statements twice. Kinds of values have keys of their own: text `t…`, words with a meaning
    /// (booleans, durations) `w…`, null `n…`, lists `l…`, objects `o…`. A key refers to keys that have a value already
    /// and come before it in one order, or to itself: on circles, and on what is missing or hidden, the other reader
    /// goes its own ways (``HOCONOracleTests/differences``).
    private struct Writer {
        struct Keys {
            /// Those that have a value by now.
            var defined: Set<String> = []
            /// Those that were assigned in this file.
            var assigned: Set<String> = []
            /// Those whose value is made of another's: in the other reader nothing can replace it any more.
            var derived: Set<String> = []
            /// Lists with something appended: likewise, but for more to append.
            var extended: Set<String> = []

            /// Whether a file with these keys can be included where those are.
            func canFollow(_ others: Keys) -> Bool {
                assigned.isDisjoint(with: others.derived) && assigned.isDisjoint(with: others.extended)
            }

            mutating func include(_ file: Keys) {
                defined.formUnion(file.defined)
                assigned.formUnion(file.assigned)
                derived.formUnion(file.derived)
                extended.formUnion(file.extended)
            }
        }

        var random: Random
        var keys = Keys()
        /// What is written is a file that others include.
        var isIncluded = false
        private var text = ("", "")

        init(_ random: Random) { self.random = random }

        mutating func file(lines: Int, includes: [String: Keys], isDefaults: Bool) -> (String, String) {
            text = ("", "")
            let names = includes.keys.sorted()
            for _ in 0..<lines {
                let name = names.isEmpty ? "" : names[random.int(in: 0...names.count - 1)]
                if let file = includes[name], random.int(in: 0...4) == 0, file.canFollow(keys) {
                    space()
                    write("include")
                    space()
                    write("\"\(name)\"")
                    keys.include(file)
                } else {
                    statement(isDefaults: isDefaults)
                }
                space()
                if random.int(in: 0...6) == 0 { write("# \(random.int(in: 0...9)) { = ${") }
                write("\n")
            }
            return text
        }

        private mutating func write(_ both: String) {
            text.0 += both
            text.1 += both
        }

        /// Any white space here, a blank or nothing there.
        private mutating func space() {
            for _ in 0..<random.int(in: 0...2) {
                text.0 += HOCONCase.spaces[random.int(in: 0...HOCONCase.spaces.count - 1)]
                text.1 += " "
            }
        }

        /// Key number 0 to 11 of a kind, in the order in which they may refer to each other.
        private func name(_ kind: String, _ number: Int) -> String {
            ["", "g.", "g.h."][number / 4] + kind + String(number % 4)
        }

        private mutating func statement(isDefaults: Bool) {
            space()
            let number = random.int(in: 0...11)
            switch random.int(in: 0...(isDefaults ? 4 : 9)) {
            case 0: assign("t", number, "=") { $0.plainText() }
            case 1: assign("w", number, "=") { $0.word() }
            case 2: assign("l", number, ":") { $0.list() }
            case 3: assign("o", number, ["", "="][random.int(in: 0...1)]) { $0.braces() }
            case 4: assign("n", number, ":") { $0.write("null") }
            case 5, 6:
                let kind = ["t", "w", "l", "o"][random.int(in: 0...3)]
                assign(kind, number, "=") { $0.reference(kind, from: number) }
            case 7:
                assign("t", number, "=") { writer in
                    writer.write("\"a \"")
                    writer.reference("t", from: number)
                    writer.write(["b", "\" b\""][writer.random.int(in: 0...1)])
                }
            case 8: extendedList(number % 4)
            default:
                // An object that is joined is extended at the root only; see the differences.
                assign("o", number % 4, "=") { writer in
                    writer.reference("o", from: number % 4)
                    writer.write(" ")
                    writer.braces()
                }
            }
        }

        private mutating func assign(
            _ kind: String, _ number: Int, _ sign: String, _ value: (inout Writer) -> Void
        ) {
            let key = name(kind, number)
            guard !keys.derived.contains(key), !keys.extended.contains(key) else { return }
            write(key)
            space()
            write(sign)
            space()
            value(&self)
            keys.defined.insert(key)
            keys.assigned.insert(key)
        }

        /// For the key with this number, a reference to a key before it or to its own earlier value; a plain value
        /// where that would lead into what the other reader does not master.
        private mutating func reference(_ kind: String, from number: Int) {
            let key = name(kind, number)
            var possible = (0..<number).filter { keys.defined.contains(name(kind, $0)) }
            if keys.defined.contains(key) {
                if kind == "o" { possible = [] }
                if number > 3 || isIncluded && keys.assigned.contains(key) {
                    possible = []
                } else {
                    possible.append(number)
                }
            }
            guard !possible.isEmpty else {
                switch kind {
                case "t": return plainText()
                case "w": return word()
                case "l": return list()
                default: return braces()
                }
            }
            keys.derived.insert(key)
            let mark = random.int(in: 0...2) == 0 ? "?" : ""
            write("${\(mark)\(name(kind, possible[random.int(in: 0...possible.count - 1)]))}")
        }

        private mutating func plainText() {
            let number = String(random.int(in: -9...9_999))
            write([number, "\"\(number) \\n#{\"", "word", "two words", "\"7 s\""][random.int(in: 0...4)])
        }

        private mutating func word() {
            write(["true", "false", "5 seconds", "250ms", "\"true\""][random.int(in: 0...4)])
        }

        private mutating func list() {
            write("[")
            space()
            for index in 0..<random.int(in: 0...3) {
                if index > 0 { write(["\n", ",", ", "][random.int(in: 0...2)]) }
                space()
                write(String(random.int(in: 0...99)))
                space()
            }
            write("]")
        }

        private mutating func braces() {
            write("{")
            for index in 0...random.int(in: 0...2) {
                if index > 0 { write([",", "\n", ",\n"][random.int(in: 0...2)]) }
                space()
                write("f\(random.int(in: 0...3))")
                space()
                write("=")
                space()
                plainText()
                space()
            }
            write("}")
        }

        /// `+=`, which the other reader gets spelled out, or a self-reference.
        private mutating func extendedList(_ number: Int) {
            let key = name("l", number)
            guard keys.defined.contains(key), !keys.derived.contains(key) else {
                return assign("l", number, "=") { $0.list() }
            }
            // Appending to what the same included file assigned is one more thing that the other reader gets wrong.
            if isIncluded, keys.assigned.contains(key), !keys.extended.contains(key) { return }
            keys.assigned.insert(key)
            keys.extended.insert(key)
            let item = String(random.int(in: 0...99))
            write(key)
            space()
            if random.int(in: 0...1) == 0 {
                text.0 += "+= \(item)"
                text.1 += "= ${?\(key)} [\(item)]"
            } else {
                write("= ${?\(key)} [\(item)]")
            }
        }
    }
}
