// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import Primitives
import Testing

private func load(_ text: String, environment: [String: String] = [:]) throws -> LoadedSettings {
    try BridgeSettings.load(Array(text.utf8), file: "jvb.conf", environment: environment)
}

@Suite("Bridge settings")
struct BridgeSettingsTests {
    @Test("an empty file gives the original's defaults")
    func defaults() throws {
        let settings = try BridgeSettings.defaults()
        #expect(settings.xmppClients.isEmpty)
        #expect(settings.presence.interval == .seconds(5))
        #expect(settings.presence.allowedStatistics == nil)
        #expect(settings.http.host == "127.0.0.1")
        #expect(settings.http.port == 8080)
        #expect(!settings.rest.colibri)
        #expect(settings.rest.health && settings.rest.debug && settings.rest.version && settings.rest.prometheus)
        #expect(settings.ice.port == 10_000)
        #expect(settings.ice.ufragPrefix == nil)
        #expect(settings.ice.advertisesPrivateCandidates)
        #expect(settings.ice.consent.interval == .seconds(5))
        #expect(settings.ice.consent.firstWait == .milliseconds(500))
        #expect(settings.ice.consent.maxRetransmissions == 5)
        #expect(settings.ice.consent.isRandomized)
        #expect(settings.harvest.receiveBufferSize == 10 << 20)
        #expect(settings.harvest.usesIPv6)
        #expect(settings.dtls.handshakeTimeout == .seconds(30))
        #expect(settings.dtls.openSSLCipherList.hasPrefix("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"))
        #expect(settings.dtls.acceptedFingerprintHashes == ["sha-512", "sha-384", "sha-256", "sha-1"])
        #expect(settings.srtpProfiles == ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_HMAC_SHA1_80"])
        #expect(settings.keyframes.minInterval == .milliseconds(200))
        #expect(settings.keyframes.maxRequests == 3)
        #expect(settings.keyframes.sourceMaxRequests == 1)
        #expect(settings.expiration.timeout == .seconds(60))
        #expect(settings.health.timeout == .seconds(90))
        #expect(settings.health.requiresValidAddress)
        #expect(settings.load.measurement == .cpuUsage)
        #expect(settings.load.cpuThreshold == 0.9)
        #expect(settings.load.packetRateThreshold == 50_000)
        #expect(settings.load.averageParticipantStress == 0.01)
        #expect(settings.redactsRemoteAddresses)
        #expect(settings.media.usesGSO && settings.media.usesGRO && settings.media.pinsWorkers)
        #expect(settings.sigtermGrace == .seconds(2))
    }

    @Test("the file of the Debian package is understood")
    func debian() throws {
        let loaded = try load(SampleFiles.debian)
        let client = try #require(loaded.settings.xmppClients.first)
        #expect(client.id == "shard")
        #expect(client.hostname == "localhost")
        #expect(client.port == 5222)
        #expect(client.domain == "auth.meet.example.org")
        #expect(client.password == "k3#p@tient")
        #expect(client.mucJIDs == ["jvbbrewery@internal.auth.meet.example.org"])
        #expect(client.mucNickname == "2b9d7e61-5f0e-4a55-9c1a-0f6f6e5f9a10")
        #expect(client.securityMode == .ifPossible)
        #expect(!client.disablesCertificateVerification)
        #expect(!loaded.notices.contains { $0.message.contains("unknown") })
        #expect(loaded.notices.contains { $0.message.contains("STUN mapping is not used yet") })
    }

    @Test("the file of the docker image is understood")
    func docker() throws {
        let loaded = try load(SampleFiles.docker)
        let settings = loaded.settings
        #expect(settings.xmppClients.map(\.id) == ["shard0", "shard1"])
        #expect(settings.xmppClients[0].mucJIDs.count == 2)
        #expect(settings.xmppClients[0].mucJIDs[1] == "second@internal-muc.meet.jitsi")
        #expect(settings.xmppClients[0].disablesCertificateVerification)
        #expect(settings.xmppClients[0].securityMode == .required)
        #expect(settings.xmppClients[1].port == 6222)
        #expect(settings.xmppClients[1].domain == "xmpp-b.example.org")
        #expect(settings.xmppClients[1].password == "007")
        #expect(settings.rest.colibri)
        #expect(!settings.health.requiresValidAddress)
        #expect(settings.http.host == "0.0.0.0")
        #expect(settings.harvest.stunServers.isEmpty)
        let mappings = settings.harvest.staticMappings
        #expect(mappings.count == 2)
        #expect(mappings.first?.local == TransportAddress(ip: "172.18.0.5", port: 10_000))
        #expect(mappings.first?.public == TransportAddress(ip: "203.0.113.7", port: 10_077))
        #expect(mappings.last?.public.port == 0)
        #expect(loaded.notices.contains { $0.message.contains("shard1: the password is a number without quotes") })
        #expect(
            loaded.notices.contains {
                $0.message.contains("without a meaning here")
                    && $0.message.contains("videobridge.sctp.use-usrsctp (jvb.conf:")
            })
    }

    @Test("the environment overrides a port only when it is set")
    func environment() throws {
        let text = "videobridge.ice.udp.port = 10000\nvideobridge.ice.udp.port = ${?MEDIA_PORT}"
        #expect(try load(text).settings.ice.port == 10_000)
        #expect(try load(text, environment: ["MEDIA_PORT": "10123"]).settings.ice.port == 10_123)
    }

    @Test("unknown settings are listed in one warning with file and line, helpers of substitutions are not")
    func unknown() throws {
        let loaded = try load(
            "my.port = 9\nvideobridge { ice.udp.port = ${my.port}\n ice.prot = 1\n}\njicofo { x = 1 }")
        let warnings = loaded.notices.filter { $0.message.hasPrefix("unknown settings") }
        #expect(warnings.map(\.message) == ["unknown settings: videobridge.ice.prot (jvb.conf:3), jicofo (jvb.conf:5)"])
        #expect(warnings.first?.level == .warning)
    }

    @Test("older names of relay settings are understood, and the newer ones win")
    func aliases() throws {
        #expect(try load("videobridge.octo.region = eu").settings.region == "eu")
        let both = "videobridge { octo.region = old, relay { region = new, enabled = true, relay-id = b1 } }"
        let loaded = try load(both)
        #expect(loaded.settings.region == "new")
        #expect(loaded.settings.relayID == "b1")
        #expect(loaded.settings.isRelayEnabled)
    }

    @Test(
        "an incomplete client block is dropped and the warning names what is missing",
        arguments: [
            ("a { HOSTNAME = h, USERNAME = u, MUC_JIDS = \"r@c\", MUC_NICKNAME = n }", "PASSWORD is missing"),
            ("a { hostname = h, username = u, password = p, muc_nickname = n }", "MUC_JIDS is missing"),
            (
                "a { HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = \" , \", MUC_NICKNAME = n }",
                "MUC_JIDS must name"
            ),
            (
                "a { HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = \"r@c, s@c/n\", MUC_NICKNAME = n }",
                "MUC_JIDS has \"s@c/n\", which is not a room's address"
            ),
            (
                "a { HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = jvbbrewery, MUC_NICKNAME = n }",
                "MUC_JIDS has \"jvbbrewery\", which is not a room's address"
            ),
            (
                "a { HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = \"r@c\", MUC_NICKNAME = n\nSECURITY_MODE = m }",
                "SECURITY_MODE must be"
            ),
            (
                "a { PORT = x, HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = \"r@c\", MUC_NICKNAME = n }",
                "PORT is not"
            ),
        ])
    func incompleteBlock(_ block: String, _ problem: String) throws {
        let good = "b { Hostname = h, USERNAME = u, PASSWORD = p, MUC_JIDS = \"r@c\", MUC_NICKNAME = n }"
        let loaded = try load("videobridge.apis.xmpp-client.configs { \(block)\n \(good) }")
        #expect(loaded.settings.xmppClients.map(\.id) == ["b"])
        #expect(loaded.notices.contains { $0.message.contains("XMPP client a is not used: \(problem)") })
    }

    @Test("a room that is named twice is joined once, and a file of authorities belongs to its block")
    func blockDetails() throws {
        let block = """
            HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = "r@c, s@c,R@C , r@c", MUC_NICKNAME = n
            """
        let blocks = "a { \(block), CA_FILE = /a.pem }, b { \(block) }"
        let loaded = try load("videobridge.apis.xmpp-client.configs { \(blocks) }")
        #expect(loaded.settings.xmppClients.map(\.mucJIDs) == [["r@c", "s@c"], ["r@c", "s@c"]])
        #expect(loaded.settings.xmppClients.map(\.authoritiesFile) == ["/a.pem", nil])
    }

    @Test(
        "wrong types and ranges of known settings are errors with a place",
        arguments: [
            (
                "videobridge.ice.udp.port = 70000",
                "jvb.conf:1:1: videobridge.ice.udp.port must be integer 1 to 65535, not \"70000\""
            ),
            ("videobridge.ice = 5", "jvb.conf:1:1: videobridge.ice must be an object, not text"),
            (
                "videobridge.ice.udp.port { x = 1 }",
                "jvb.conf:1:1: videobridge.ice.udp.port must be integer 1 to 65535, not an object"
            ),
            (
                "\nvideobridge.health.interval = 5 parsecs",
                "jvb.conf:2:1: videobridge.health.interval must be duration, not \"5 parsecs\""
            ),
            (
                "videobridge.health.interval = 2 minutes",
                "jvb.conf: videobridge.health.timeout must be longer than videobridge.health.interval"
            ),
            ("videobridge.stats.interval = 0", "jvb.conf:1:1: videobridge.stats.interval must be at least 10 ms"),
            (
                "videobridge.rest.debug.enabled = maybe",
                "jvb.conf:1:1: videobridge.rest.debug.enabled must be boolean, not \"maybe\""
            ),
            (
                "videobridge.ice.nomination-strategy = nominateFirstValid",
                "jvb.conf:1:1: videobridge.ice.nomination-strategy must be one of NominateFirstHostOrReflexiveValid, "
                    + "NominateFirstValid, NominateHighestPriority, NominateBestRTT, None, not \"nominateFirstValid\""
            ),
            (
                "videobridge.ice.ufrag-prefix = \"a:b\"",
                "jvb.conf:1:1: videobridge.ice.ufrag-prefix must be at most 64 letters, digits, + and /, not \"a:b\""
            ),
            (
                "jmt.dtls.local-fingerprint-hash-function = md5",
                "jvb.conf:1:1: jmt.dtls.local-fingerprint-hash-function must be one of sha-512, sha-384, sha-256, "
                    + "sha-1, not \"md5\""
            ),
            (
                "jmt.dtls.accepted-fingerprint-hash-functions = []",
                "jvb.conf:1:1: jmt.dtls.accepted-fingerprint-hash-functions must not be empty"
            ),
            (
                "jmt.dtls.accepted-fingerprint-hash-functions = [sha-256, md5]",
                "jvb.conf:1:1: jmt.dtls.accepted-fingerprint-hash-functions has \"md5\"; possible are sha-512, sha-384, "
                    + "sha-256, sha-1"
            ),
            (
                "jmt.srtp.protection-profiles = [SRTP_NULL_HMAC_SHA1_80]",
                "jvb.conf:1:1: jmt.srtp.protection-profiles has \"SRTP_NULL_HMAC_SHA1_80\"; possible are "
                    + "SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AEAD_AES_256_GCM, "
                    + "SRTP_AES128_CM_HMAC_SHA1_32"
            ),
            ("jmt.dtls.handshake-timeout = 0", "jvb.conf:1:1: jmt.dtls.handshake-timeout must be at least 10 ms"),
            ("jmt.dtls.cipher-suites = []", "jvb.conf:1:1: jmt.dtls.cipher-suites must not be empty"),
            (
                "videobridge.health.timeout = 106000 days",
                "jvb.conf:1:1: videobridge.health.timeout must be duration, not \"106000 days\""
            ),
            (
                "ice4j.harvest.allowed-addresses = [x]",
                "jvb.conf:1:1: ice4j.harvest.allowed-addresses: \"x\" is not an IP address"
            ),
            (
                "ice4j.harvest.mapping.static-mappings = [{ local-address = 10.0.0.1, public-address = 1.2.3.4, local-port = 5 }]",
                "jvb.conf:1:42: a static mapping needs local-port and public-port, or neither"
            ),
            (
                "ice4j.harvest.mapping.static-mappings = [{ public-address = 1.2.3.4 }]",
                "jvb.conf:1:42: a static mapping needs local-address"
            ),
            (
                "videobridge.apis.xmpp-client.configs = x",
                "jvb.conf:1:1: videobridge.apis.xmpp-client.configs must be an object, not text"
            ),
        ])
    func wrongValue(_ text: String, _ message: String) {
        let error = #expect(throws: ConfigurationError.self) { try load(text) }
        #expect(error?.description == message)
    }

    @Test(
        "an unknown or weak cipher suite is an error that lists the possible ones",
        arguments: [
            "TLS_NONSENSE", "TLS_ECDHE_ECDSA_WITH_NULL_SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
            "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_DH_anon_WITH_AES_128_GCM_SHA256", "ALL",
        ])
    func cipherSuite(_ name: String) {
        let good = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        let error = #expect(throws: ConfigurationError.self) {
            try load("jmt.dtls.cipher-suites = [\(good), \(name)]")
        }
        #expect(error?.message.hasPrefix("jmt.dtls.cipher-suites has \"\(name)\"; possible are TLS_ECDHE") == true)
    }

    @Test("every cipher suite that can be named has forward secrecy and authenticated encryption")
    func strongCipherSuites() throws {
        let entry = try #require(SettingsTable.entries.first { $0.path == "jmt.dtls.cipher-suites" })
        guard case .choices(let names) = entry.type else {
            Issue.record("the type of the setting has changed")
            return
        }
        #expect(names.count > 5)
        for name in names {
            #expect(name.hasPrefix("TLS_ECDHE_") || name.hasPrefix("TLS_DHE_"))
            #expect(name.contains("_GCM_") || name.contains("_POLY1305_"))
        }
    }

    @Test(
        "durations, fractions, sizes and numbers in quotes are understood",
        arguments: [
            ("videobridge.health.timeout = 2h", TimeDelta.seconds(7_200)),
            ("videobridge.health.timeout = \"1.5 hours\"", .seconds(5_400)),
            ("videobridge.health.timeout = 90000", .seconds(90)),
            ("videobridge.health.timeout = 1 day", .seconds(86_400)),
        ])
    func duration(_ text: String, _ expected: TimeDelta) throws {
        #expect(try load(text).settings.health.timeout == expected)
    }

    @Test("percentages and byte units are understood")
    func fractions() throws {
        let prefix = "videobridge.load-management.load-measurements.cpu-usage.load-threshold = "
        #expect(try load(prefix + "75 %").settings.load.cpuThreshold == 0.75)
        #expect(try load("ice4j.harvest.udp.receive-buffer-size = 1M").settings.harvest.receiveBufferSize == 1 << 20)
        #expect(try load("videobridge.http-servers.private.port = -1").settings.http.port == nil)
    }

    @Test("the effective configuration names the origin and hides passwords")
    func effective() throws {
        let text = try load(SampleFiles.docker).effectiveText
        #expect(!text.contains("pa$$word") && !text.contains("\"007\""))
        #expect(text.contains("\"PASSWORD\" = \"***\""))
        #expect(text.contains("videobridge.health.require-valid-address = \"false\" # jvb.conf:"))
        #expect(text.contains("videobridge.health.interval = 1 minute\n"))
    }

    @Test("the configuration's place comes from the option, the environment, Java's properties, the default")
    func location() {
        let java = ["JAVA_SYS_PROPS": "-Xmx3072m -Dconfig.file=/etc/a.conf '-Dx.y=a b' -Dvideobridge.ice.udp.port=5"]
        #expect(ConfigurationLocation.path(option: "/x", environment: java) == "/x")
        #expect(ConfigurationLocation.path(option: nil, environment: java) == "/etc/a.conf")
        #expect(ConfigurationLocation.path(option: nil, environment: ["VIADUCT_CONFIG": "/v"]) == "/v")
        #expect(ConfigurationLocation.path(option: nil, environment: [:]) == "/etc/jitsi/videobridge/jvb.conf")
        let properties = ConfigurationLocation.systemProperties(environment: java)
        #expect(properties.map(\.name) == ["videobridge.ice.udp.port"])
        #expect(properties.map(\.value) == ["5"])
    }
}
