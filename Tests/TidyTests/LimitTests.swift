// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

/// Every queue has a limit and a drop counter (feature table, row 148), and docs/limits.md says which.
@Suite("Limits")
struct LimitTests {
    /// What `popFirst` and `removeFirst` shorten besides queues: text that is being read, a command line, a set of
    /// members, the inside of the queue itself.
    private static let otherReceivers: Set<String> = [
        "text", "digits", "rest", "toVisit", "elements", "toSelect", "receivers",
    ]
    /// Tools beside the bridge, and where queues are made.
    private static let otherTargets: Set<String> = ["Primitives", "LoadGenerator", "Simulation"]

    /// A row of the table.
    private struct Row {
        let place: String
        let bound: String
        let whenFull: String
        let counter: String
    }

    private func rows() throws -> [String: Row] {
        let file = try #require(SourceTree.file("docs/limits.md"))
        var rows: [String: Row] = [:]
        for (index, line) in file.lines.enumerated() where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { String($0.trimmingPrefix(" ")) }
            try #require(cells.count >= 4, "\(file.place(index))")
            let name = cells[0].replacing("`", with: "").split(separator: " ").first.map { String($0) } ?? ""
            #expect(rows[name] == nil, "\(name) stands there twice")
            rows[name] = Row(place: file.place(index), bound: cells[1], whenFull: cells[2], counter: cells[3])
        }
        return rows
    }

    /// `Target/name` of everything in the bridge that is taken from at its front, with one place of each.
    private func queues() -> [String: String] {
        var found: [String: String] = [:]
        for file in SourceTree.productSwift {
            guard let target = file.target, !Self.otherTargets.contains(target) else { continue }
            for (index, line) in file.codeLines.enumerated() {
                var names: [Substring] = []
                if line.holds("popFirst") || line.holds("removeFirst") {
                    names += line.matches(of: /(\w+)\??\.(?:popFirst|removeFirst)\(/).map(\.output.1)
                }
                if line.holds("Queue") || line.holds("Ring") {
                    names += line.matches(of: /(?:let|var) (\w+)(?:: | = )(?:\w*Queue<|\w+Ring[<(]|DeadlineQueue)/)
                        .map(\.output.1)
                }
                for name in names where !Self.otherReceivers.contains(String(name)) {
                    found["\(target)/\(name)"] = file.place(index)
                }
            }
        }
        return found
    }

    @Test("every queue stands in docs/limits.md, and nothing else does")
    func queuesAreListed() throws {
        let rows = try rows()
        let queues = queues()
        #expect(queues.count > 15)
        for (queue, place) in queues {
            #expect(rows[queue] != nil, "\(place): \(queue) is taken from at its front and is not in docs/limits.md")
        }
        for (name, row) in rows {
            #expect(queues[name] != nil, "\(row.place): there is no queue \(name)")
        }
    }

    @Test("the limits and counters that docs/limits.md names exist, and what can be lost is counted")
    func limitsExist() throws {
        let product = SourceTree.productSwift
        for (name, row) in try rows() {
            for match in (row.bound + row.whenFull).matches(of: /`(\w+Limits)\.(\w+)`/) {
                let file = product.first { $0.name == "\(match.output.1).swift" }
                #expect(
                    file?.codeLines.contains { $0.holds("static let \(match.output.2)") } == true,
                    "\(row.place): \(match.output.0)")
            }
            if row.counter.hasPrefix("nothing is lost") { continue }
            let counter = row.counter.firstMatch(of: /`(\w+)`/).map { String($0.output.1) }
            let counts = counter.map { counter in
                product.contains { file in
                    file.codeLines.contains { $0.holds(counter) && ($0.holds("+=") || $0.holds(".add(")) }
                }
            }
            #expect(counts == true, "\(row.place): \(name): \(counter ?? "nothing") does not count")
            #expect(row.whenFull.hasPrefix("—") == false || counter == "earlyOverflow", "\(row.place)")
        }
    }
}
