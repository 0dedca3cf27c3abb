// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Documents that must keep up with the code.
@Suite("Documents")
struct DocumentTests {
    @Test("ARCHITECTURE.md names every target")
    func architectureNamesTargets() throws {
        let text = try #require(SourceTree.file("ARCHITECTURE.md")).lines.joined(separator: "\n")
        let plan = FloorPlan(manifest: try #require(SourceTree.file("Package.swift")).lines)
        for target in plan.targets.sorted() where !target.hasSuffix("Tests") {
            #expect(text.contains("`\(target)`") || text.contains(" \(target) "), "\(target)")
        }
    }

    @Test("every test that docs/parity.md names exists")
    func parityNamesRealTests() throws {
        let parity = try #require(SourceTree.file("docs/parity.md"))
        let names = Set(
            SourceTree.code.filter { $0.path.hasPrefix("Tests/") }.flatMap { file in
                file.lines.joined(separator: "\n").matches(of: /@Test\(\s*"((?:[^"\\]|\\.)*)"/).map {
                    "\(file.target ?? "")/\($0.output.1)"
                }
            })
        var cited = 0
        for (index, line) in parity.lines.enumerated() where line.hasPrefix("| ") {
            for match in line.matches(of: /`(\w+Tests\/[^`]+)`/) {
                cited += 1
                #expect(names.contains(String(match.output.1)), "\(parity.place(index)): \(match.output.1)")
            }
            if line.contains("| works |") {
                #expect(line.contains("Tests/"), "\(parity.place(index)): works without a test")
            }
        }
        #expect(cited > 0)
    }

    @Test("every decision record is numbered in sequence and says what would reopen it")
    func decisionRecords() {
        let records = SourceTree.files.filter { $0.path.hasPrefix("docs/adr/") && $0.suffix == "md" }
        #expect(!records.isEmpty)
        for (index, record) in records.enumerated() {
            let number = String(repeating: "0", count: 4 - String(index + 1).count) + String(index + 1)
            #expect(record.name.hasPrefix(number + "-"), "\(record.path)")
            for heading in ["## Context", "## Decision", "## Consequences", "## What would reopen it"] {
                #expect(record.lines.contains(heading), "\(record.path) lacks \(heading)")
            }
        }
    }

    @Test("links between documents lead somewhere")
    func links() {
        for file in SourceTree.files where file.suffix == "md" {
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            for (index, line) in file.lines.enumerated() {
                for match in line.matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) {
                    var parts = folder.split(separator: "/").map(String.init)
                    for part in match.output.1.split(separator: "/") where part != "." {
                        if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
                    }
                    let path = parts.joined(separator: "/")
                    let isThere = SourceTree.files.contains { $0.path == path || $0.path.hasPrefix(path + "/") }
                    #expect(isThere, "\(file.place(index)): \(path)")
                }
            }
        }
    }

    @Test("every make target has its script")
    func makeTargets() throws {
        let makefile = try #require(SourceTree.file("Makefile"))
        for (index, line) in makefile.lines.enumerated() {
            for match in line.matches(of: /@(scripts\/[\w-]+)/) {
                #expect(SourceTree.file(String(match.output.1)) != nil, "\(makefile.place(index))")
            }
        }
    }

    @Test("every fault that the simulator has to find still fits its file, and docs/simulation.md says how it is found")
    func mutations() throws {
        let list = try #require(SourceTree.file("Tests/Mutations/mutations.txt"))
        let told = try #require(SourceTree.file("docs/simulation.md")).lines.compactMap { line in
            line.firstMatch(of: /^\| `([a-z-]+)` \| \d+ \| `/).map { String($0.output.1) }
        }
        var names: [String] = []
        for part in list.lines.split(whereSeparator: { $0.isEmpty }) {
            guard let head = part.first, head.hasPrefix("=== ") else { continue }
            let words = head.split(separator: " ").map(String.init)
            try #require(words.count == 3, "\(head)")
            names.append(words[1])
            let old = part.filter { $0.hasPrefix("-") }.map { String($0.dropFirst()) }
            let file = try #require(SourceTree.file(words[2]), "\(words[2])")
            let text = file.lines.joined(separator: "\n")
            let places = text.components(separatedBy: old.joined(separator: "\n")).count - 1
            #expect(!old.isEmpty && places == 1, "\(words[1]): its lines occur \(places) times in \(words[2])")
            #expect(part.contains { $0.hasPrefix("+") && $0.contains("MUTANT") }, "\(words[1]) has no fault")
        }
        #expect(names.count >= 20)
        #expect(names == told)
    }
}
