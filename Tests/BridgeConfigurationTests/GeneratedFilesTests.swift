// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import Foundation
import Testing

@Suite("Generated configuration files")
struct GeneratedFilesTests {
    private func repositoryFile(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test("docs/configuration.md is what the settings table says (else run scripts/generate-config-docs)")
    func reference() throws {
        #expect(try repositoryFile("docs/configuration.md") == SettingsReport.reference())
    }

    @Test("config/jvb.conf is what the settings table says (else run scripts/generate-config-docs)")
    func sample() throws {
        #expect(try repositoryFile("config/jvb.conf") == SettingsReport.sample())
    }

    @Test("the sample file with every comment sign removed is a valid configuration that changes nothing")
    func sampleIsValid() throws {
        let text = SettingsReport.sample().split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("# ") && line.contains(" = ") || line.hasPrefix("#   ") || line.hasPrefix("# }")
                || line.hasPrefix("# videobridge.apis.xmpp-client.configs")
                ? String(line.dropFirst(2)) : String(line)
        }.joined(separator: "\n")
        let loaded = try BridgeSettings.load(Array(text.utf8), file: "sample")
        let defaults = try BridgeSettings.defaults()
        #expect(loaded.notices.isEmpty)
        #expect(loaded.settings.xmppClients.count == 1)
        #expect(loaded.settings.ice.port == defaults.ice.port)
        #expect(loaded.settings.keyframes.maxRequests == defaults.keyframes.maxRequests)
    }

    @Test("every setting stands in the table once and has a meaning")
    func table() {
        let names = SettingsTable.entries.flatMap { [$0.path] + $0.aliases }
        #expect(Set(names).count == names.count)
        #expect(SettingsTable.entries.allSatisfy { !$0.meaning.isEmpty })
        #expect(SettingsTable.entries.count > 180)
    }
}
