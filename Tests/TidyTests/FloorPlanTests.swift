// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

/// The floors stay apart: what a target imports and calls (ARCHITECTURE.md, floor plan).
@Suite("Floor plan")
struct FloorPlanTests {
    let plan = FloorPlan(manifest: SourceTree.file("Package.swift")?.lines ?? [])

    @Test("the manifest is understood: every folder of Sources and Tests is one of its targets")
    func manifestMatchesFolders() {
        let folders = Set(SourceTree.code.compactMap(\.target)).subtracting(["Fuzzing", "Vectors"])
        #expect(plan.floors["Primitives"] == 0)
        #expect(plan.floors["ControlPlane"] == 3)
        #expect(folders.subtracting(plan.targets).isEmpty, "not in Package.swift")
        let empty = plan.targets.subtracting(Set(SourceTree.files.compactMap(\.target)))
        #expect(empty.isEmpty, "targets without a folder")
    }

    @Test("a target imports lower floors, and neighbours only along an arrow")
    func importsPointDown() {
        for file in SourceTree.productSwift {
            guard let target = file.target else { continue }
            for (index, module) in imports(of: file) where !plan.allows(target, toImport: module) {
                Issue.record("\(file.place(index)): \(target) may not import \(module)")
            }
        }
    }

    @Test("what the manifest lists for a target is imported by it")
    func listedIsImported() {
        for (target, names) in plan.dependencies where (plan.floors[target] ?? 9) <= 4 {
            let files = SourceTree.productSwift.filter { $0.target == target }
            let used = Set(files.flatMap { imports(of: $0).map(\.1) })
            let unused = names.intersection(plan.targets).subtracting(used)
            #expect(unused.isEmpty, "\(target) does not import \(unused.sorted())")
        }
    }

    @Test("floors 0 to 2 import no system module")
    func coresImportNoSystem() {
        let forbidden = ["Glibc", "Musl", "Dispatch", "Synchronization", "_Concurrency", "System"]
        for file in cores {
            let mayUseAtomics = file.path.hasPrefix("Sources/Primitives/Rings/") || file.target == "Telemetry"
            for (index, module) in imports(of: file) {
                if module == "Synchronization" && mayUseAtomics { continue }
                if forbidden.contains(module) || module.hasPrefix("Foundation") {
                    Issue.record("\(file.place(index)): a core may not import \(module)")
                }
            }
        }
    }

    @Test("floors 0 to 2 read no clock, draw no system randomness, print and spawn nothing")
    func coresCallNoSystem() {
        let forbidden = [
            "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", "clock_gettime", "gettimeofday",
            "Date()", "Task {", "Task.detached", "Thread", "getenv(", "await ", "print(", "debugPrint(", "dump(",
        ]
        for file in cores {
            for (index, line) in file.codeLines.enumerated() {
                for call in forbidden where line.holds(call) && containsCall(call, in: line) {
                    Issue.record("\(file.place(index)): a core may not call \(call)")
                }
                if line.holds(".random(in") && !line.holds("using:") {
                    Issue.record("\(file.place(index)): randomness comes in as an argument")
                }
            }
        }
    }

    @Test("each C library is imported by exactly one Swift target of the bridge")
    func oneFencePerLibrary() {
        for library in ["COpenSSL", "CIPsecMB", "CZlib", "CExpat", "COpus"] {
            let users = Set(
                SourceTree.productSwift.filter { imports(of: $0).contains { $0.1 == library } }.compactMap(\.target))
            #expect(users.count <= 1, "\(library) is imported by \(users.sorted())")
        }
        let users = Set(
            SourceTree.productSwift.filter { imports(of: $0).contains { $0.1 == "CSRTP" } }.compactMap(\.target))
        #expect(users.isSubset(of: ["LoadGenerator"]), "libsrtp2 is the generator's and the tests', not the bridge's")
    }

    @Test("programs never link what only tests may use")
    func testSupportStaysInTests() {
        for (target, names) in plan.dependencies where (plan.floors[target] ?? 9) <= 4 {
            #expect(!names.contains("TestSupport") && !names.contains("CTestHooks"), "\(target)")
        }
    }

    private var cores: [SourceFile] {
        SourceTree.productSwift.filter { file in file.target.map { (plan.floors[$0] ?? 9) <= 2 } ?? false }
    }

    private func containsCall(_ call: String, in line: String) -> Bool {
        guard let range = line.firstRange(of: call) else { return false }
        guard range.lowerBound > line.startIndex else { return true }
        let before = line[line.index(before: range.lowerBound)]
        return !(before.isLetter || before.isNumber || before == "_" || before == ".")
    }

    private func imports(of file: SourceFile) -> [(Int, String)] {
        let pattern = /^(?:@\w+ )*(?:public |internal |package |private )?import (?:struct |enum |func |class )?(\w+)/
        return file.lines.enumerated().compactMap { index, line in
            guard line.holds("import "), let match = line.firstMatch(of: pattern) else { return nil }
            return (index, String(match.output.1))
        }
    }
}
