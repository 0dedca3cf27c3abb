// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation

extension String {
    /// Whether `word` occurs; many times faster in debug builds than what walks over characters.
    func holds(_ word: String) -> Bool { strstr(self, word) != nil }
}

/// One text file of the repository.
struct SourceFile: Sendable {
    /// Path from the repository's root, `/` between parts.
    let path: String
    /// Its lines, without line ends.
    let lines: [String]

    /// The last part of the path.
    var name: String { String(path.split(separator: "/").last ?? "") }
    /// What follows the last dot, or nothing.
    var suffix: String { name.contains(".") ? String(name.split(separator: ".").last ?? "") : "" }
    /// For `Sources/X/…` and `Tests/X/…`: `X`.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && (parts[0] == "Sources" || parts[0] == "Tests") ? String(parts[1]) : nil
    }
    /// Whether the file belongs to the product rather than to its tests.
    var isProduct: Bool {
        path.hasPrefix("Sources/") && target != "TestSupport" && target != "CTestHooks"
    }

    /// `path:line`, counted from one.
    func place(_ index: Int) -> String { "\(path):\(index + 1)" }

    /// The lines with comments and the contents of one-line string literals blanked, so that rules about code do not
    /// trip over text. Good enough for formatted Swift; block comments are not allowed anyway.
    let codeLines: [String]

    init(path: String, lines: [String]) {
        self.path = path
        self.lines = lines
        codeLines = path.hasSuffix(".swift") ? lines.map(Self.code) : lines
    }

    private static func code(_ line: String) -> String {
        var code: [UInt8] = []
        var isInString = false
        var previous = UInt8(ascii: " ")
        for byte in line.utf8 {
            if byte == UInt8(ascii: "\""), previous != UInt8(ascii: "\\") { isInString.toggle() }
            if !isInString, byte == UInt8(ascii: "/"), previous == byte {
                code.removeLast()
                break
            }
            code.append(isInString && byte != UInt8(ascii: "\"") ? UInt8(ascii: "_") : byte)
            previous = byte
        }
        return String(decoding: code, as: UTF8.self)
    }
}

/// The repository as it lies on disk beside this file, without what was built or fetched.
enum SourceTree {
    /// The repository's root.
    static let root: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/")
    }()

    /// Folders that hold no source of ours.
    private static let passedOver: Set<String> = [".git", ".build", ".venv", "dist", "out", "__pycache__", "Corpus"]

    /// Endings of files that are read; files without ending are scripts and licences.
    private static let textSuffixes: Set<String> = [
        "swift", "c", "h", "py", "sh", "html", "js", "md", "lua", "conf", "service", "modulemap", "txt", "", "yml",
    ]

    /// Every text file, in order of its path.
    static let files: [SourceFile] = {
        var found: [SourceFile] = []
        var folders = [""]
        while let folder = folders.popLast() {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)) ?? []
            for name in names where !passedOver.contains(name) && !name.hasPrefix(".build") {
                let path = folder.isEmpty ? name : folder + "/" + name
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: root + "/" + path, isDirectory: &isFolder) else {
                    continue
                }
                if isFolder.boolValue {
                    folders.append(path)
                } else if let file = read(path) {
                    found.append(file)
                }
            }
        }
        return found.sorted { $0.path < $1.path }
    }()

    /// The Swift files of the product.
    static let productSwift = files.filter { $0.isProduct && $0.suffix == "swift" }

    /// All Swift, C and header files.
    static let code = files.filter { ["swift", "c", "h"].contains($0.suffix) }

    /// A file by its path.
    static func file(_ path: String) -> SourceFile? { files.first { $0.path == path } }

    private static func read(_ path: String) -> SourceFile? {
        let name = path.split(separator: "/").last ?? ""
        let suffix = name.contains(".") ? String(name.split(separator: ".").last ?? "") : ""
        guard textSuffixes.contains(suffix) || name.hasPrefix("."),
            let bytes = FileManager.default.contents(atPath: root + "/" + path), bytes.count < 4_000_000,
            let text = String(data: bytes, encoding: .utf8)
        else { return nil }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return SourceFile(path: path, lines: lines)
    }
}
