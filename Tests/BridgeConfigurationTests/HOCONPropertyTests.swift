// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import Primitives
import TestSupport
import Testing

@Suite("HOCON reader, hostile input")
struct HOCONPropertyTests {
    static let seeds = [SampleFiles.debian, SampleFiles.docker, SampleFiles.everything].map { Array($0.utf8) }

    @Test("never traps on damaged files")
    func mutated() {
        let failure = checkProperty(cases: 3_000) { random in
            var bytes = Self.seeds[random.int(in: 0...Self.seeds.count - 1)]
            let start = random.int(in: 0...bytes.count - 1)
            if random.int(in: 0...1) == 0 { bytes = Array(bytes[start...]) }
            bytes = mutate(bytes, using: &random)
            do throws(ConfigurationError) {
                let loaded = try BridgeSettings.load(bytes, file: "m", environment: ["A": "1"])
                return loaded.effectiveText.isEmpty ? "no effective text" : nil
            } catch {
                return error.description.hasPrefix("m") ? nil : "error without a file: \(error)"
            }
        }
        #expect(failure == nil)
    }

    @Test("never traps on random structure")
    func random() {
        let pieces: [String] = [
            "a", "b", ".", "=", ":", "+=", "{", "}", "[", "]", ",", "\n", " ", "\"", "\"\"\"", "${", "${?", "#", "//",
            "1", "null", "include ", "\\", "\u{FEFF}", "é", "a.b", "${a}", "${?b.a}", "$", "\"x\"", "required(",
        ]
        let failure = checkProperty(cases: 5_000) { random in
            let count = random.int(in: 0...40)
            let text = (0..<count).map { _ in pieces[random.int(in: 0...pieces.count - 1)] }.joined()
            do throws(ConfigurationError) {
                _ = try read(text, files: ["x": "a = ${a}"])
                return nil
            } catch {
                return error.location.line > 0 ? nil : "error without a line: \(error)"
            }
        }
        #expect(failure == nil)
    }

    /// Writes a random tree as HOCON text and says what it must read as.
    private func tree(_ random: inout Random, depth: Int) -> (text: String, canonical: String) {
        if depth == 0 || random.int(in: 0...2) == 0 {
            let value = String(random.int(in: -5...99_999))
            return random.int(in: 0...1) == 0 ? (value, "'\(value)'") : ("\"\(value) \\n#{\"", "'\(value) \n#{'")
        }
        let children = (0...random.int(in: 0...3)).map { _ in tree(&random, depth: depth - 1) }
        if random.int(in: 0...1) == 0 {
            let separator = [", ", "\n", " ,\n "][random.int(in: 0...2)]
            return (
                "[" + children.map(\.text).joined(separator: separator) + "]",
                "[" + children.map(\.canonical).joined(separator: ",") + "]"
            )
        }
        var text = "{"
        for (index, child) in children.enumerated() {
            text += ["k\(index) = ", "\"k\(index)\":", "  k\(index) =\n"][random.int(in: 0...2)] + child.text
            text += [",", "\n", " # c\n", "\r\n"][random.int(in: 0...3)]
        }
        let fields = children.enumerated().map { "k\($0):\($1.canonical)" }.joined(separator: ",")
        return (text + "}", "{\(fields)}")
    }

    @Test("reads back every tree that was written")
    func roundTrip() {
        let failure = checkProperty(cases: 1_000) { random in
            let (text, expected) = tree(&random, depth: 5)
            do throws(ConfigurationError) {
                let result = try read("root = " + text)
                return result == "{root:\(expected)}" ? nil : "\(text) was read as \(result)"
            } catch {
                return "\(error) in \(text)"
            }
        }
        #expect(failure == nil)
    }
}
