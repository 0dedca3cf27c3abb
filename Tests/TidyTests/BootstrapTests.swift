// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `scripts/debian-packages` among tools that only pretend: what it does on machines that are not this one.
@Suite("Bootstrap")
struct BootstrapTests {
    /// Names with their least version, as the script has them.
    private let packages: [(name: String, least: String?)] = {
        let lines = SourceTree.file("scripts/debian-packages")?.lines ?? []
        let start = lines.firstIndex(of: "packages=(") ?? 0
        let end = lines[start...].firstIndex(of: ")") ?? start
        return lines[start..<end].dropFirst().filter { !$0.contains("#") }
            .flatMap { $0.split(separator: " ") }
            .map { word in
                let parts = word.replacing("'", with: "").split(separator: ">=")
                return (String(parts[0]), parts.count > 1 ? String(parts[1]) : nil)
            }
    }()

    private struct Outcome {
        let status: Int32
        let output: String
        /// What `apt-get` was called with.
        let calls: String
    }

    /// Runs the script where `changed` packages have other versions (`nil`: missing) and the archive has `offered`.
    private func run(changed: [String: String?], offered: String, isRoot: Bool = true) throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viaduct-bootstrap-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func lines(_ version: ((name: String, least: String?)) -> String?) -> String {
            packages.compactMap { package in version(package).map { "ii  \(package.name) \($0)\n" } }.joined()
        }
        let before = lines { package in
            if let version = changed[package.name] { return version }
            return package.least ?? "1"
        }
        let after = lines { package in changed[package.name] == nil ? package.least ?? "1" : offered }
        let tools = [
            "dpkg-query": "cat \(folder.path)/installed",
            "apt-get": "echo \"$*\" >>\(folder.path)/calls\n"
                + "case \"$*\" in *install*) cp \(folder.path)/after \(folder.path)/installed;; esac",
            "id": "echo \(isRoot ? 0 : 1_000)", "sudo": "exit 1", "tee": "cat >/dev/null", "chmod": "", "rm": "",
        ]
        for (name, text) in tools {
            let file = folder.appending(path: name)
            try "#!/bin/sh\n\(text)\n".write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        }
        try before.write(to: folder.appending(path: "installed"), atomically: true, encoding: .utf8)
        try after.write(to: folder.appending(path: "after"), atomically: true, encoding: .utf8)
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = [SourceTree.root + "/scripts/debian-packages"]
        process.environment = ["PATH": "\(folder.path):/usr/bin:/bin"]
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let calls = try? String(contentsOf: folder.appending(path: "calls"), encoding: .utf8)
        return Outcome(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self), calls: calls ?? "")
    }

    @Test("nothing is done where everything is there")
    func complete() throws {
        let outcome = try run(changed: [:], offered: "1")
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty && outcome.calls.isEmpty, "\(outcome)")
    }

    @Test("what is missing is installed, what is too old is named and upgraded")
    func upgrade() throws {
        let outcome = try run(changed: ["libssl-dev": "3.0.2-1", "make": nil], offered: "99")
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.output.contains("too old: libssl-dev 3.0.2-1, 3.0.9 needed"))
        #expect(outcome.calls.contains("install --no-install-recommends make libssl-dev"))
    }

    @Test("the versions of Debian's updates count as new enough, epochs and suffixes included")
    func updates() throws {
        let versions: [String: String?] = [
            "libexpat1-dev": "2.5.0-1+deb12u1", "lld": "1:14.0-55.7~deb12u1", "prosody": "0.12.3-1+deb12u1",
        ]
        #expect(try run(changed: versions, offered: "1").calls.isEmpty)
    }

    @Test("where the archive has nothing newer, the end says which package and what to do")
    func hopeless() throws {
        let outcome = try run(changed: ["libsrtp2-dev": "2.4.2-2"], offered: "2.4.2-2")
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("still missing or too old: libsrtp2-dev 2.4.2-2, 2.5.0 needed"))
        #expect(outcome.output.contains("use Debian 12 or later"))
    }

    @Test("whoever is not root and has no sudo is told what to run as root")
    func ordinaryUser() throws {
        let outcome = try run(changed: ["lld": "1:11.0-51"], offered: "1", isRoot: false)
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("As root:  apt-get install --no-install-recommends lld\n"))
        #expect(outcome.calls.isEmpty)
    }

    @Test("README.md names the oldest version of every package that has one")
    func readme() throws {
        let text = try #require(SourceTree.file("README.md")).lines.joined(separator: "\n")
        #expect(packages.count > 20)
        for (name, least) in packages {
            guard let least else { continue }
            #expect(text.contains("`\(name)` \(least)"), "\(name) \(least)")
        }
    }
}
