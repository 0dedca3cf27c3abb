// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import TestSupport
import Testing

@testable import BridgeConfiguration

/// Our HOCON beside pyhocon's. Where they differ, the text of HOCON decides, and the difference stands in a list.
@Suite("HOCON beside pyhocon", .enabled(if: Peers.hasPython, "no .venv: run make bootstrap"))
struct HOCONOracleTests {
    private func peerTrees(_ cases: [HOCONCase]) async throws -> [Any] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viaduct-hocon-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let request = folder.appending(path: "cases.json")
        try JSONSerialization.data(withJSONObject: cases.map(\.request)).write(to: request)
        let peer = try ChildProcess(
            Repository.python, [Repository.script("hocon_reader.py"), request.path], in: folder)
        #expect(await peer.wait(seconds: 120) == 0, "\(peer.complaints)")
        let answer = try JSONSerialization.jsonObject(with: Data(peer.output.utf8))
        let trees = try #require(answer as? [Any])
        try #require(trees.count == cases.count)
        return trees
    }

    @Test("the two agree on generated files of three layers, in everything but what is listed below")
    func agreement() async throws {
        let cases = (0..<600).map { seed in
            var random = Random(seed: UInt64(seed))
            return HOCONCase(&random)
        }
        var accepted = 0
        for (seed, (example, peer)) in zip(cases, try await peerTrees(cases)).enumerated() {
            let ours = example.ours
            if ours != nil { accepted += 1 }
            let agree = ours.map { HOCONCase.agree($0, peer) } ?? (peer is NSNull)
            let text = "\(example.peerDefaults)---\n\(example.peerMain)---\n\(example.peerFiles)"
            #expect(agree, "seed \(seed)\n\(text)\nwe: \(ours.map { "\($0)" } ?? "refused")\nthey: \(peer)")
        }
        // Errors have tests of their own; here nearly everything is to be read.
        #expect(accepted > 550, "\(accepted)")
    }

    /// Where pyhocon does otherwise: what HOCON.md says about it, our reading, and pyhocon's (`null`: refused). A row
    /// that no longer holds fails, so that the list stays true.
    static let differences: [(text: String, decidedBy: String, ours: String, peers: String)] = [
        (
            "a\u{3000}=\u{3000}1", "Whitespace: any Unicode space, line or paragraph separator, BOM, control blanks",
            #"{"a":"1"}"#, "null"
        ),
        (
            "a\u{0B}= 1", "Whitespace: vertical tab, form feed and the four information separators", #"{"a":"1"}"#,
            "null"
        ),
        ("a = [1]\na += 2", "The += field separator: a += b becomes a = ${?a} [b]", #"{"a":["1","2"]}"#, #"{"a":"2"}"#),
        ("a += 1", "The same where there is no earlier value", #"{"a":["1"]}"#, #"{"a":"1"}"#),
        (
            "a = [1]\na += [2]", "The same: b is one element, also when it is a list", #"{"a":["1",["2"]]}"#,
            #"{"a":["1","2"]}"#
        ),
        (
            "g.l = ${?g.l} [1]", "Self-referential fields: an optional one that looks back to nothing is undefined",
            #"{"g":{"l":["1"]}}"#, "null"
        ),
        (
            "a = [1]\na = ${?b} [2]\na = ${?a} [3]\nc = ${?c} [1]\nc = ${?c} [2]",
            "Self-referential fields: each looks back to the value before it",
            #"{"a":["2","3"],"c":["1","2"]}"#, "null"
        ),
        (
            "g { x = 1 }\ng.a = ${g.b}\ng.a = 1", "Self-referential fields: a hidden substitution is not evaluated",
            #"{"g":{"x":"1","a":"1"}}"#, "null"
        ),
        (
            "l = [1]\nl = ${l} [2]\nl = [3]",
            "Duplicate keys: the later one replaces the earlier, however that was made",
            #"{"l":["3"]}"#, #"{"l":["1","2"]}"#
        ),
        (
            "g.h.x = \"a \"${t}\nt = 5\ng.h.t = 9\ng.h.t = \"q \"${g.h.x}",
            "Self-referential fields: a reference to another field is that field's value",
            #"{"g":{"h":{"x":"a 5","t":"q a 5"}},"t":"5"}"#, #"{"g":{"h":{"x":"a 5","t":"q 9"}},"t":"5"}"#
        ),
        (
            "g.a = 1\ng.b = \"x\"${?g.c}", "Substitutions: an optional one that is undefined is empty text in text",
            #"{"g":{"a":"1","b":"x"}}"#, "null"
        ),
        (
            "a = x ${?b} y", "String value concatenation: white space between simple values is kept",
            #"{"a":"x  y"}"#, #"{"a":"x y"}"#
        ),
        (
            "b = true\na = \"x\"${b}", "String value concatenation: other simple values are as they were written",
            #"{"a":"xtrue","b":"true"}"#, #"{"a":"xTrue","b":"true"}"#
        ),
        (
            "b = 5 seconds\na = \"x\"${b}", "Units: a matter of whoever reads the value, not of the file",
            #"{"a":"x5 seconds","b":"5 seconds"}"#, #"{"a":"x0:00:05","b":{"$us":5000000}}"#
        ),
        (
            "a = 007\nb = 1.50", "Numbers and text: the text as written is what a string is made of",
            #"{"a":"007","b":"1.50"}"#, #"{"a":"7","b":"1.5"}"#
        ),
        (
            "a { x = 1 }\na = 5\na { y = 2 }", "Duplicate keys: a value between two objects stops their merge",
            #"{"a":{"y":"2"}}"#, "null"
        ),
        (
            "g.a { x = 1 }\ng.b = ${g.a} { y = 2 }\ng.b { z = 3 }", "Duplicate keys: objects merge",
            #"{"g":{"a":{"x":"1"},"b":{"x":"1","y":"2","z":"3"}}}"#, #"{"g":{"a":{"x":"1"},"b":{"z":"3"}}}"#
        ),
        ("\"a\".\"b.c\" = 1", "Paths as keys: quoted parts, dots between", #"{"a":{"b.c":"1"}}"#, "null"),
        ("a = x//c", "Comments: // begins one, also in unquoted text", #"{"a":"x"}"#, #"{"a":"x//c"}"#),
    ]

    @Test("the listed differences hold: we do what HOCON.md says, and pyhocon still does not")
    func differ() async throws {
        let peers = try await peerTrees(Self.differences.map { HOCONCase($0.text) })
        for (difference, peer) in zip(Self.differences, peers) {
            let expected = try JSONSerialization.jsonObject(with: Data(difference.ours.utf8))
            let ours = try #require(HOCONCase(difference.text).ours, "\(difference)")
            #expect(HOCONCase.agree(ours, expected), "\(difference) we read \(ours)")
            let known = try JSONSerialization.jsonObject(with: Data(difference.peers.utf8), options: .fragmentsAllowed)
            #expect((peer as? NSObject) == (known as? NSObject), "\(difference) pyhocon reads \(peer)")
        }
    }

    @Test("an included file's references and lists are read as if it stood there, also inside an object")
    func includedInObject() {
        var example = HOCONCase("o { x = 1\n include \"f.conf\" }\nouter = 5")
        example.files["f.conf"] = "y = ${x}\nz = ${outer}\nl += 1"
        let tree = example.ours
        // HOCON.md, "Include semantics: substitution": first below the object, then from the root. pyhocon refuses.
        #expect(tree?["o"]?.object?["y"]?.text == "1")
        #expect(tree?["o"]?.object?["z"]?.text == "5")
    }
}
