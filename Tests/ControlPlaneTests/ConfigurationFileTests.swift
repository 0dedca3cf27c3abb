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

    @Test("an included name that is a folder is warned about, a required one refused")
    func includedFolder() throws {
        try withFiles(["jvb.conf": "include \"custom-jvb.conf\"", "custom-jvb.conf/x": ""]) { folder in
            let loaded = try ConfigurationFile.load(folder + "/jvb.conf", environment: [:])
            #expect(loaded.notices.map(\.level) == [.warning])
            #expect(
                loaded.notices.first?.message.hasPrefix(
                    "\(folder)/jvb.conf:1:1: \"custom-jvb.conf\" is a folder and is not included") == true)
            let main = folder + "/required.conf"
            try Data("include required(\"custom-jvb.conf\")".utf8).write(to: URL(filePath: main))
            #expect(throws: ConfigurationError.self) { try ConfigurationFile.load(main, environment: [:]) }
        }
    }

    @Test("properties of an older package are found beside the file or where JAVA_SYS_PROPS says, even without a file")
    func legacyProperties() throws {
        let port = "org.jitsi.videobridge.SINGLE_PORT_HARVESTER_PORT="
        let files = [
            "jvb.conf": "", "sip-communicator.properties": port + "10001",
            "a/b/sip-communicator.properties": port + "10002",
        ]
        try withFiles(files) { folder in
            let beside = try ConfigurationFile.load(folder + "/jvb.conf", environment: [:])
            #expect(beside.settings.ice.port == 10_001)
            #expect(beside.notices.map(\.level) == [.info])
            let prefix = "-Dnet.java.sip.communicator.SC_HOME_DIR_"
            let environment = ["JAVA_SYS_PROPS": "\(prefix)LOCATION=\(folder)/a \(prefix)NAME=b"]
            let named = try ConfigurationFile.load(folder + "/jvb.conf", environment: environment)
            #expect(named.settings.ice.port == 10_002)
            let alone = try ConfigurationFile.load(folder + "/a/b/jvb.conf", environment: [:])
            #expect(alone.settings.ice.port == 10_002)
            #expect(alone.notices.contains { $0.level == .warning && $0.message.hasPrefix("there is no \(folder)") })
        }
    }

    @Test("properties that cannot be read are warned about")
    func unreadableProperties() throws {
        try withFiles(["jvb.conf": "", "sip-communicator.properties/x": ""]) { folder in
            let loaded = try ConfigurationFile.load(folder + "/jvb.conf", environment: [:])
            #expect(loaded.notices.map(\.level) == [.warning])
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
