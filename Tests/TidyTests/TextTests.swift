// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

/// Sizes, words and marks that the house rules forbid (CONTRIBUTING.md).
@Suite("Text")
struct TextTests {
    /// Tables that may be longer than a file should be.
    static let longFiles: Set<String> = []

    /// Files whose `@unchecked Sendable` or `nonisolated(unsafe)` carries a proof in its comment. A file is added
    /// only together with that proof.
    static let uncheckedSendable: Set<String> = [
        "Sources/ControlPlane/Loop/SignalReader.swift", "Sources/IPsecMB/IPsecMB.swift",
        "Sources/MediaPlane/MediaWorker.swift",
        "Sources/OpenSSL/DTLS/DTLSIdentity.swift", "Sources/Primitives/Rings/RecordRing.swift",
        "Sources/OpenSSL/TLS/TLSServerIdentity.swift", "Sources/Primitives/Rings/SPSCRing.swift",
        "Sources/Telemetry/CounterBlock.swift", "Sources/WebServer/HTTPServer.swift",
    ]

    @Test("a source file has at most 700 lines of at most 120 columns")
    func sizes() {
        let others = SourceTree.files.filter { ["py", "js"].contains($0.suffix) || $0.path.hasPrefix("scripts/") }
        for file in SourceTree.code + others {
            #expect(file.lines.count <= 700 || Self.longFiles.contains(file.path), "\(file.path) is too long")
            for (index, line) in file.lines.enumerated()
            where line.utf8.count > 120 && line.count > 120 && !mayBeWide(line, in: file) {
                Issue.record("\(file.place(index)): \(line.count) columns")
            }
        }
    }

    /// Addresses and quoted text are not broken: vectors in tests, rows of the table of settings, generated documents.
    private func mayBeWide(_ line: String, in file: SourceFile) -> Bool {
        line.holds("://") || file.name == "SettingsReport.swift"
            || (line.holds("\"") && (line.count <= 130 || !file.isProduct))
            || (line.holds("<") && !file.isProduct)
    }

    @Test("a function has at most 80 lines")
    func functionSizes() {
        let pattern =
            /^ *(?:@\w+ |public |private |static |mutating |consuming |borrowing )*(?:func |init[(?<]|deinit )/
        let keywords = ["func ", "init", "deinit "]
        for file in SourceTree.code where file.suffix == "swift" {
            var start: (index: Int, indent: Int)?
            for (index, line) in file.lines.enumerated() {
                let indent = line.prefix { $0 == " " }.count
                if keywords.contains(where: line.holds), line.firstMatch(of: pattern) != nil {
                    start = (index, indent)
                } else if let opened = start, line.hasPrefix(String(repeating: " ", count: opened.indent) + "}"),
                    indent == opened.indent
                {
                    if index - opened.index > 80 {
                        Issue.record("\(file.place(opened.index)): \(index - opened.index) lines in one function")
                    }
                    start = nil
                }
            }
        }
    }

    @Test("every file of code begins with the licence line")
    func licenceLine() {
        let line = "Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0"
        let files = SourceTree.files.filter {
            ["swift", "c", "h", "py", "html", "lua", "service"].contains($0.suffix) || $0.path.hasPrefix("scripts/")
        }
        for file in files {
            #expect(file.lines.prefix(2).contains { $0.contains(line) }, "\(file.path)")
        }
    }

    @Test("the product holds no unfinished work, no forced cast or try, and traps only on named invariants")
    func forbiddenWords() {
        let words = ["try!", "as!", "fatalError", "unowned(unsafe)", "DispatchQueue", "Task.detached", "RunLoop"]
        for file in SourceTree.productSwift {
            for (index, line) in file.codeLines.enumerated() {
                for word in words where line.holds(word) {
                    Issue.record("\(file.place(index)): \(word)")
                }
            }
        }
        for file in SourceTree.code where file.target != "TidyTests" {
            for (index, line) in file.lines.enumerated() {
                for word in ["TODO", "FIXME", "HACK"] where line.holds(word) {
                    Issue.record("\(file.place(index)): \(word)")
                }
            }
        }
    }

    @Test("nothing is force-unwrapped in the product, except the base address of memory that is never empty")
    func forceUnwraps() {
        for file in SourceTree.productSwift {
            for (index, line) in file.codeLines.enumerated() {
                guard line.holds("!") else { continue }
                for match in line.matches(of: /(\w+|\)|\])!([^=]|$)/) where match.output.1 != "baseAddress" {
                    Issue.record("\(file.place(index)): forced unwrap in \(line)")
                }
            }
        }
    }

    @Test("unchecked sendability is on the list")
    func uncheckedSendableIsListed() {
        for file in SourceTree.productSwift {
            for (index, line) in file.codeLines.enumerated()
            where line.holds("@unchecked Sendable") || line.holds("nonisolated(unsafe)") {
                #expect(
                    Self.uncheckedSendable.contains(file.path), "\(file.place(index)): give the proof, then list it")
            }
        }
    }

    @Test("no type's name ends in a word that says nothing")
    func emptyNames() {
        let keywords = ["class ", "struct ", "enum ", "protocol ", "actor "]
        let pattern =
            /\b(?:class|struct|enum|protocol|actor) (\w*(?:Manager|Helper|Helpers|Util|Utils|Data|Base|Impl))\b/
        for file in SourceTree.code where file.suffix == "swift" && file.target != "TidyTests" {
            for (index, line) in file.codeLines.enumerated() {
                guard keywords.contains(where: line.holds) else { continue }
                if let match = line.firstMatch(of: pattern) {
                    Issue.record("\(file.place(index)): \(match.output.1)")
                }
            }
        }
    }

    @Test("acronyms keep one case")
    func acronyms() {
        let keywords = ["class ", "struct ", "enum ", "protocol "]
        let pattern =
            /\b(?:class|struct|enum|protocol) \w*(Rtp|Rtcp|Srtp|Dtls|Xmpp|Stun|Sdp|Http|Udp|Tcp|Ssrc)[A-Z]?\w*/
        for file in SourceTree.code where file.suffix == "swift" && file.target != "TidyTests" {
            for (index, line) in file.codeLines.enumerated() {
                guard keywords.contains(where: line.holds) else { continue }
                if let match = line.firstMatch(of: pattern) {
                    Issue.record("\(file.place(index)): \(match.output.0)")
                }
            }
        }
    }

    @Test("scripts are strict bash of at most 80 lines")
    func scripts() {
        let scripts = SourceTree.files.filter { $0.path.hasPrefix("scripts/") || $0.path == ".ci/run" }
        #expect(scripts.count > 5)
        for script in scripts {
            #expect(script.lines.first == "#!/usr/bin/env bash", "\(script.path)")
            #expect(script.lines.contains("set -euo pipefail"), "\(script.path)")
            #expect(script.lines.count <= 80, "\(script.path)")
        }
    }

    @Test("no file names a machine's private folders or a package registry's host")
    func portable() {
        // Written in halves, so that this file does not find itself.
        let words = [
            ("/wo", "rk/"), ("/tmp", "/b-"), ("/opt/", "swift"), ("/ho", "me/"), ("/ro", "ot/"),
            ("pypi", ".org"), ("python", "hosted"), ("deb.", "debian.org"), ("registry.", "npmjs"),
        ].map { $0.0 + $0.1 }
        for file in SourceTree.files {
            for (index, line) in file.lines.enumerated() {
                for word in words where line.holds(word) {
                    Issue.record("\(file.place(index)): \(word)")
                }
            }
        }
    }
}
