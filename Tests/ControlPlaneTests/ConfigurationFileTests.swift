// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import Foundation
import Testing

@testable import ControlPlane

@Suite("Configuration file")
struct ConfigurationFileTests {
    /// A folder with files, removed at the end.
    private func withFiles(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viaduct-conf-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        try body(folder.path)
    }

    @Test("includes are looked for beside the including file, each once, and a missing one is skipped")
    func includes() throws {
        let files = [
            "jvb.conf": "include \"extra/site\"\ninclude \"custom-jvb.conf\"\nice4j.harvest.blocked-interfaces += a",
            "extra/site.conf": "include \"port.conf\"\nice4j.harvest.blocked-interfaces += b",
            "extra/port.conf": "videobridge.ice.udp.port = 10123",
        ]
        try withFiles(files) { folder in
            let loaded = try ConfigurationFile.load(folder + "/jvb.conf", environment: [:])
            #expect(loaded.settings.ice.port == 10_123)
            #expect(loaded.settings.harvest.blockedInterfaces == ["b", "a"])
            #expect(loaded.notices.isEmpty)
        }
    }

    @Test("an error in an included file names that file")
    func includedError() throws {
        try withFiles(["jvb.conf": "include \"x.conf\"", "x.conf": "\na = {"]) { folder in
            let error = #expect(throws: ConfigurationError.self) {
                try ConfigurationFile.load(folder + "/jvb.conf", environment: [:])
            }
            #expect(error?.description.hasPrefix("\(folder)/x.conf:2:5: ") == true)
        }
    }

    @Test("a missing file and a folder are refused with a reason")
    func unreadable() throws {
        try withFiles(["jvb.conf": ""]) { folder in
            for path in [folder + "/nothing.conf", folder] {
                let error = #expect(throws: ConfigurationError.self) {
                    try ConfigurationFile.load(path, environment: [:])
                }
                #expect(error?.message.isEmpty == false)
            }
        }
    }

    @Test("a file of authorities that is not there is warned about before the first login needs it")
    func authorities() throws {
        let client = "a { HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = \"r@c\", MUC_NICKNAME = n, CA_FILE = "
        try withFiles(["ca.pem": "", "jvb.conf": ""]) { folder in
            for (name, warns) in [("ca.pem", false), ("other.pem", true)] {
                let text = "videobridge.apis.xmpp-client.configs { \(client)\"\(folder)/\(name)\" } }"
                try Data(text.utf8).write(to: URL(filePath: folder + "/jvb.conf"))
                let loaded = try ConfigurationFile.load(folder + "/jvb.conf", environment: [:])
                let warning = "CA_FILE \(folder)/other.pem cannot be read: No such file or directory"
                #expect(loaded.notices.contains { $0.message.contains(warning) } == warns)
            }
        }
    }

    @Test("a file with a password that everybody may read is warned about")
    func permissions() throws {
        let client = "a { HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = \"r@c\", MUC_NICKNAME = n }"
        try withFiles(["jvb.conf": "videobridge.apis.xmpp-client.configs { \(client) }"]) { folder in
            let path = folder + "/jvb.conf"
            for (mode, warns) in [(0o644, true), (0o640, false)] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                let loaded = try ConfigurationFile.load(path, environment: [:])
                #expect(loaded.notices.contains { $0.message.contains("chmod o-r") } == warns)
            }
        }
    }
}
