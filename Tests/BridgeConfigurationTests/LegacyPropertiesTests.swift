// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import BridgeConfiguration

/// `sip-communicator.properties`, in which packages kept login and NAT addresses before (operations.md a.6).
@Suite("Legacy properties")
struct LegacyPropertiesTests {
    private func load(_ properties: String, _ text: String = "", environment: [String: String] = [:]) throws
        -> LoadedSettings
    {
        try BridgeSettings.load(
            Array(text.utf8), file: "jvb.conf", environment: environment,
            systemProperties: ConfigurationLocation.systemProperties(environment: environment),
            legacy: LegacyFile(file: "sip", bytes: Array(properties.utf8)))
    }

    /// What an older package left behind, with a NAT in front of the host.
    static let package = """
        org.ice4j.ice.harvest.DISABLE_AWS_HARVESTER=true
        org.ice4j.ice.harvest.STUN_MAPPING_HARVESTER_ADDRESSES=stun.example.org:443
        org.ice4j.ice.harvest.NAT_HARVESTER_LOCAL_ADDRESS=10.0.0.5
        org.ice4j.ice.harvest.NAT_HARVESTER_PUBLIC_ADDRESS=203.0.113.9
        org.jitsi.videobridge.ENABLE_STATISTICS=true
        org.jitsi.videobridge.STATISTICS_TRANSPORT=muc
        org.jitsi.videobridge.xmpp.user.shard.HOSTNAME=localhost
        org.jitsi.videobridge.xmpp.user.shard.DOMAIN=auth.meet.example.org
        org.jitsi.videobridge.xmpp.user.shard.USERNAME=jvb
        org.jitsi.videobridge.xmpp.user.shard.PASSWORD=k3\\#p@t=ient
        org.jitsi.videobridge.xmpp.user.shard.MUC_JIDS=JvbBrewery@internal.auth.meet.example.org
        org.jitsi.videobridge.xmpp.user.shard.MUC_NICKNAME=2b9d7e61-5f0e-4a55-9c1a-0f6f6e5f9a10
        """

    @Test("login and NAT addresses of an older package are used, the rest is named")
    func package() throws {
        let loaded = try load(Self.package)
        let client = try #require(loaded.settings.xmppClients.first)
        #expect(client.id == "shard")
        #expect(client.hostname == "localhost")
        #expect(client.domain == "auth.meet.example.org")
        #expect(client.password == "k3#p@t=ient")
        #expect(client.mucJIDs == ["JvbBrewery@internal.auth.meet.example.org"])
        #expect(client.securityMode == .ifPossible)
        let mapping = try #require(loaded.settings.harvest.staticMappings.first)
        #expect(mapping.local == TransportAddress(ip: "10.0.0.5", port: 0))
        #expect(mapping.public == TransportAddress(ip: "203.0.113.9", port: 0))
        #expect(loaded.settings.harvest.stunServers == ["stun.example.org:443"])
        let unknown = loaded.notices.filter { $0.message.hasPrefix("unknown or outdated properties") }
        #expect(
            unknown.map(\.message) == [
                "unknown or outdated properties: org.jitsi.videobridge.ENABLE_STATISTICS (sip:5), "
                    + "org.jitsi.videobridge.STATISTICS_TRANSPORT (sip:6)"
            ])
        #expect(!loaded.effectiveText.contains("t=ient"))
    }

    @Test("a complete client replaces the blocks of jvb.conf, an incomplete one does not and is named")
    func replacesBlocks() throws {
        let block = """
            videobridge.apis.xmpp-client.configs.new {
              HOSTNAME = h, USERNAME = u, PASSWORD = p, MUC_JIDS = "r@c", MUC_NICKNAME = n
            }
            """
        #expect(try load(Self.package, block).settings.xmppClients.map(\.id) == ["shard"])
        let loaded = try load("org.jitsi.videobridge.xmpp.user.old.HOSTNAME=h", block)
        #expect(loaded.settings.xmppClients.map(\.id) == ["new"])
        #expect(loaded.notices.map(\.message) == ["sip:1:1: XMPP client old is not used: USERNAME is missing"])
    }

    @Test("a client without an id is one too")
    func clientWithoutID() throws {
        let loaded = try load(Self.package.replacing("user.shard.", with: "user."))
        #expect(loaded.settings.xmppClients.map(\.id) == [""])
    }

    @Test("an old name outranks the new one, in the file and in jvb.conf, units and inversions included")
    func conversions() throws {
        let new = "videobridge.health.interval = 20 s\nice4j.harvest.use-ipv6 = true\nice4j.software = new"
        let loaded = try load(
            """
            org.jitsi.videobridge.health.INTERVAL=30000
            org.jitsi.videobridge.EXPIRE_CHECK_SLEEP_SEC=7
            org.jitsi.videobridge.SINGLE_PORT_HARVESTER_PORT = 4443
            org.jitsi.videobridge.rest.private.jetty.port:8081
            org.jitsi.videobridge.ENABLE_REST_COLIBRI=false
            org.ice4j.ipv6.DISABLED=true
            org.ice4j.ice.harvest.ALLOWED_ADDRESSES=10.0.0.1;10.0.0.2
            org.ice4j.ice.CONSENT_FRESHNESS_INTERVAL=4000
            org.jitsi.videobridge.REGION=
            """, new + "\norg.ice4j.SOFTWARE = old\nvideobridge.apis.rest.enabled = true\nvideobridge.relay.region = r")
        #expect(loaded.settings.health.interval == .seconds(30))
        #expect(loaded.settings.expiration.checkInterval == .seconds(7))
        #expect(loaded.settings.ice.port == 4_443)
        #expect(loaded.settings.http.port == 8_081)
        #expect(!loaded.settings.rest.colibri)
        #expect(!loaded.settings.harvest.usesIPv6)
        #expect(loaded.settings.harvest.allowedAddresses.count == 2)
        #expect(loaded.settings.ice.consent.interval == .seconds(4))
        #expect(loaded.settings.ice.software == "old")
        #expect(loaded.settings.region == "r")
        #expect(loaded.notices.isEmpty)
    }

    @Test("ENABLE_REST_COLIBRI switches off and never on")
    func restSwitch() throws {
        #expect(try !load("org.jitsi.videobridge.ENABLE_REST_COLIBRI=true").settings.rest.colibri)
    }

    @Test("every old name leads to a setting of the table")
    func names() {
        let paths = Set(SettingsTable.entries.map(\.path))
        for legacy in LegacyName.byName.values { #expect(paths.contains(legacy.path), "\(legacy.name)") }
        #expect(LegacyName.byName.count > 45)
    }

    @Test("a wrong value names the place in the properties")
    func wrongValue() {
        for (text, message) in [
            (
                "\norg.ice4j.ipv6.DISABLED=maybe",
                "sip:2:1: org.ice4j.ipv6.DISABLED must be true or false, not \"maybe\""
            ),
            (
                "org.jitsi.videobridge.SINGLE_PORT_HARVESTER_PORT=x",
                "sip:1:1: videobridge.ice.udp.port must be integer 1 to 65535, not \"x\""
            ),
            ("a = \\u12", "sip:1:1: \\u needs four hexadecimal digits"),
        ] {
            let error = #expect(throws: ConfigurationError.self) { try load(text) }
            #expect(error?.description == message)
        }
    }

    @Test("half of a NAT address is named")
    func halfMapping() throws {
        let loaded = try load("org.ice4j.ice.harvest.NAT_HARVESTER_PUBLIC_ADDRESS=203.0.113.9")
        #expect(loaded.settings.harvest.staticMappings.isEmpty)
        #expect(loaded.notices.first?.message.hasSuffix("NAT_HARVESTER_LOCAL_ADDRESS") == true)
    }

    @Test("old ICE names may be Java properties of the process")
    func systemProperties() throws {
        let environment = ["JAVA_SYS_PROPS": "-Dorg.ice4j.ipv6.DISABLED=true -Xmx1g"]
        #expect(try !load("", environment: environment).settings.harvest.usesIPv6)
    }

    @Test("the properties are looked for where JAVA_SYS_PROPS says, else beside the configuration")
    func place() {
        let prefix = "-Dnet.java.sip.communicator.SC_HOME_DIR_"
        let environment = ["JAVA_SYS_PROPS": "\(prefix)LOCATION=/etc/jitsi \(prefix)NAME=videobridge -Da=b"]
        let expected = "/etc/jitsi/videobridge/sip-communicator.properties"
        #expect(ConfigurationLocation.legacyPath(configuration: "/x/y.conf", environment: environment) == expected)
        #expect(
            ConfigurationLocation.legacyPath(configuration: "/etc/jitsi/videobridge/jvb.conf", environment: [:])
                == expected)
        #expect(
            ConfigurationLocation.legacyPath(configuration: "jvb.conf", environment: [:])
                == "sip-communicator.properties")
    }

    @Test(
        "Java's grammar",
        arguments: [
            ("a=1", ["a": "1"]), ("a = 1", ["a": "1"]), ("a:1", ["a": "1"]), ("a 1", ["a": "1"]), ("a", ["a": ""]),
            ("  a\t=\t1 ", ["a": "1 "]), ("# c\n! c\n\n\r\na=1\rb=2", ["a": "1", "b": "2"]), ("a==1", ["a": "=1"]),
            (#"a\:b=c\=d"#, ["a:b": "c=d"]), ("a=1\\\n  2", ["a": "12"]), ("a=1\\\r\n\t2", ["a": "12"]),
            (#"a=\u00e9\t\q\\"#, ["a": "é\tq\\"]), (#"a=\uD83D\uDE00"#, ["a": "😀"]),
            (#"a=\uD83Dx"#, ["a": "\u{FFFD}x"]),
            ("a=1\na=2", ["a": "2"]), ("a=x#y", ["a": "x#y"]), ("a=\\", ["a": ""]), ("", [:]), (" = 1", ["": "1"]),
        ])
    func grammar(_ text: String, _ expected: [String: String]) throws {
        var found: [String: String] = [:]
        for property in try PropertiesReader.properties(Array(text.utf8), file: "f") {
            found[property.key] = property.value
        }
        #expect(found == expected)
    }

    @Test("an included property that is the beginning of another gives way to it")
    func objectsWin() throws {
        let files = ["p.properties": "a=1\na.b=2\nc=3\n"]
        #expect(try read("include \"p\"", files: files) == "{a:{b:'2'},c:'3'}")
    }

    @Test("never traps on damaged properties")
    func mutated() {
        let seed = Array(Self.package.utf8)
        let failure = checkProperty(cases: 2_000) { random in
            let bytes = mutate(seed, using: &random)
            do throws(ConfigurationError) {
                _ = try BridgeSettings.load([], file: "m", legacy: LegacyFile(file: "sip", bytes: bytes))
                return nil
            } catch {
                return error.location.file == "sip" ? nil : "error elsewhere: \(error)"
            }
        }
        #expect(failure == nil)
    }
}
