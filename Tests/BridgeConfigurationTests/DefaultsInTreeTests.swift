// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import BridgeConfiguration

/// References see the merged tree, defaults included (operations.md a.1, a.2).
@Suite("References to defaults")
struct DefaultsInTreeTests {
    private func load(_ text: String, legacy: String? = nil) throws -> LoadedSettings {
        try BridgeSettings.load(
            Array(text.utf8), file: "jvb.conf",
            legacy: legacy.map { LegacyFile(file: "sip", bytes: Array($0.utf8)) })
    }

    @Test("lines of the original's own reference are understood in a file")
    func originalReference() throws {
        let loaded = try load(
            """
            videobridge.apis.xmpp-client.presence-interval = ${videobridge.stats.interval}
            videobridge.entity-expiration.check-interval = ${videobridge.entity-expiration.timeout}
            jmt.bwe.send-side.loss-experiment {
              low-loss-threshold = ${jmt.bwe.send-side.low-loss-threshold}
              high-loss-threshold = ${jmt.bwe.send-side.high-loss-threshold}
              bitrate-threshold = ${jmt.bwe.send-side.bitrate-threshold}
            }
            videobridge.websockets.relay-domains = ${videobridge.websockets.domains}
            """)
        #expect(loaded.settings.presence.interval == .seconds(5))
        #expect(loaded.settings.expiration.checkInterval == .seconds(60))
        #expect(!loaded.notices.contains { $0.level == .warning })
    }

    @Test("a reference follows what the file says elsewhere, before or after it")
    func followsFile() throws {
        for text in [
            "p = ${videobridge.stats.interval}\nvideobridge.stats.interval = 7 s",
            "videobridge.stats { interval = 7 s }\np = ${videobridge.stats.interval}",
        ] {
            let text = text.replacing("p =", with: "videobridge.apis.xmpp-client.presence-interval =")
            #expect(try load(text).settings.presence.interval == .seconds(7))
        }
    }

    @Test("a default does not follow another setting: the original resolves its defaults first (Q1)")
    func literalDefaults() throws {
        let loaded = try load("videobridge { stats.interval = 7 s, entity-expiration.timeout = 3 m }")
        #expect(loaded.settings.presence.interval == .seconds(5))
        #expect(loaded.settings.expiration.checkInterval == .seconds(60))
    }

    @Test("a self-reference and += go on from the default")
    func selfReference() throws {
        let loaded = try load(
            """
            videobridge.health.interval = ${videobridge.health.interval}
            videobridge.apis.xmpp-client.stats-filter { enabled = true, whitelist += conferences }
            ice4j.harvest.blocked-interfaces = ${ice4j.harvest.blocked-interfaces} [docker0]
            jmt.srtp.protection-profiles = ${jmt.srtp.protection-profiles} [SRTP_AEAD_AES_256_GCM]
            """)
        #expect(loaded.settings.health.interval == .seconds(60))
        #expect(loaded.settings.presence.allowedStatistics?.contains("conferences") == true)
        #expect(loaded.settings.presence.allowedStatistics?.contains("stress_level") == true)
        #expect(loaded.settings.harvest.blockedInterfaces == ["docker0"])
        #expect(loaded.settings.srtpProfiles.count == 3)
    }

    @Test("a group taken from the defaults counts where it lands")
    func adoptedGroup() throws {
        let loaded = try load("videobridge.http-servers.public = ${videobridge.http-servers.private}")
        #expect(loaded.effectiveText.contains("videobridge.http-servers.public.port = \"8080\" # jvb.conf:1"))
    }

    @Test("what is only a default is neither printed with a place nor listed as given")
    func untouched() throws {
        let loaded = try load("")
        #expect(loaded.notices.isEmpty)
        #expect(!loaded.effectiveText.contains("#"))
        #expect(loaded.effectiveText.contains("videobridge.stats.interval = 5 seconds\n"))
    }

    @Test("an older name goes before a default, and an empty map stays one")
    func olderNames() throws {
        #expect(try load("videobridge.octo.region = r").settings.region == "r")
        let loaded = try load("videobridge.load-management.conference-last-n-limits.40 = 20")
        #expect(loaded.effectiveText.contains("conference-last-n-limits = { \"40\" = \"20\" } # jvb.conf:1"))
    }

    @Test("every default can be referred to")
    func everyDefault() throws {
        for entry in SettingsTable.entries where !entry.fallback.isEmpty {
            let loaded = try load("\(entry.path) = ${\(entry.path)}")
            #expect(!loaded.notices.contains { $0.level == .warning && !$0.message.contains("AWS") }, "\(entry.path)")
        }
    }

    @Test("a reference to nothing is still an error with its place")
    func missing() {
        let error = #expect(throws: ConfigurationError.self) { try load("a = ${videobridge.stats.intervall}") }
        #expect(error?.description.hasPrefix("jvb.conf:1:5: ${videobridge.stats.intervall} is neither set") == true)
    }
}
