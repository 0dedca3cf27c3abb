// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import Testing

@Suite("HOCON errors")
struct HOCONErrorTests {
    static let cases: [(String, String)] = [
        ("a = 1\nb = {\n", "jvb.conf:2:5: the object that starts here is not closed"),
        ("a = [1, 2", "jvb.conf:1:5: the list that starts here is not closed"),
        ("a = \"x\nb = 1", "jvb.conf:1:5: the string that starts here has no closing quote on its line"),
        ("a = \"\"\"x", "jvb.conf:1:5: the string that starts here has no closing \"\"\""),
        ("a = \"\\q\"", "jvb.conf:1:6: unknown escape in a quoted string; write \\\\ for a backslash"),
        ("a = \"\\u12\"", "jvb.conf:1:6: \\u needs four hexadecimal digits"),
        ("a = 1 }", "jvb.conf:1:7: '}' where a comma, a new line or } was expected"),
        ("}", "jvb.conf:1:1: '}' where a key was expected"),
        ("{ a = 1 } b = 2", "jvb.conf:1:11: 'b' after the closing brace of the file"),
        ("[1]", "jvb.conf:1:1: a configuration must be an object, not a list"),
        ("a", "jvb.conf:1:2: end of file where =, : or { was expected after the key a"),
        ("a =\n", "jvb.conf:2:1: end of file where a value was expected"),
        ("a = 1,, b = 2", "jvb.conf:1:7: ',' where a key was expected"),
        ("a = [1,,2]", "jvb.conf:1:8: ',' where a value was expected"),
        ("a = [,1]", "jvb.conf:1:6: ',' where a value was expected"),
        (", a = 1", "jvb.conf:1:1: ',' where a key was expected"),
        ("r = room@muc", "jvb.conf:1:9: '@' is not allowed in a value without quotes; put the value in double quotes"),
        ("a..b = 1", "jvb.conf:1:1: a key has an empty part before a dot"),
        ("a. = 1", "jvb.conf:1:1: a key ends with a dot"),
        ("a = ${b", "jvb.conf:1:5: the substitution that starts here has no closing }"),
        ("a = ${nope}", "jvb.conf:1:5: ${nope} is neither set before it is needed here nor an environment variable"),
        (
            "a = ${b}\nb = ${a}",
            "jvb.conf:2:5: ${a} is neither set before it is needed here nor an environment variable"
        ),
        ("x = [1]\na = ${x}text", "jvb.conf:2:9: text, lists and objects cannot be joined with each other"),
        ("include required(\"x\")", "jvb.conf:1:1: the required file \"x\" does not exist"),
        ("include url(\"x\")", "jvb.conf:1:9: only files can be included, not url() or classpath()"),
        ("\n  ü = 1\n  grüße = [", "jvb.conf:3:11: the list that starts here is not closed"),
    ]

    @Test("names file, line and column and the cure", arguments: cases)
    func message(_ text: String, _ message: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(text) }
        #expect(error?.description == message)
    }

    @Test("text that is not UTF-8 is refused with its line")
    func encoding() {
        let error = #expect(throws: ConfigurationError.self) {
            try HOCONReader.read([0x61, 0x3D, 0x31, 0x0A, 0xFF, 0xFE], file: "jvb.conf")
        }
        #expect(error?.description == "jvb.conf:2: not valid UTF-8")
    }

    @Test("a file that includes itself is refused")
    func recursion() {
        let error = #expect(throws: ConfigurationError.self) {
            try read("include \"self.conf\"", files: ["self.conf": "include \"self.conf\""])
        }
        #expect(error?.message.contains("does a file include itself?") == true)
    }

    @Test("nesting, size and growth through substitutions have limits")
    func limits() {
        let deep = String(repeating: "a{", count: 100_000)
        #expect(throws: ConfigurationError.self) { try read(deep) }
        #expect(throws: ConfigurationError.self) { try read("a = " + String(repeating: "[", count: 100_000)) }
        #expect(throws: ConfigurationError.self) { try read(String(repeating: "a.", count: 100_000) + "a = 1") }
        #expect(throws: ConfigurationError.self) { try read(String(repeating: "# x\n", count: 300_000)) }
        var laughs = "x0 = \"ha\"\n"
        for level in 1...40 { laughs += "x\(level) = ${x\(level - 1)}${x\(level - 1)}\n" }
        #expect(throws: ConfigurationError.self) { try read(laughs) }
        var lists = "x0 = [1]\n"
        for level in 1...40 { lists += "x\(level) = ${x\(level - 1)} ${x\(level - 1)}\n" }
        #expect(throws: ConfigurationError.self) { try read(lists) }
        let chain = (1...1_000).reversed().map { "x\($0) = [${x\($0 - 1)}]" }.joined(separator: "\n") + "\nx0 = 1"
        #expect(throws: ConfigurationError.self) { try read(chain) }
        let forward = "x0 = 1\n" + (1...1_000).map { "x\($0) = [${x\($0 - 1)}]" }.joined(separator: "\n")
        #expect(throws: ConfigurationError.self) { try read(forward) }
    }
}
