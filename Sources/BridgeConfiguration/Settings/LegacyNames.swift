// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A setting's name in `sip-communicator.properties`, which outranks the one in `jvb.conf` (operations.md a.4 to a.6).
struct LegacyName {
    /// How the old text becomes that of the newer name.
    enum Conversion {
        /// As it is.
        case same
        /// A boolean that says the opposite.
        case inverted
        /// A bare number with this unit.
        case unit(String)
    }

    let name: String
    /// Where the setting stands in ``SettingsTable``.
    let path: String
    let conversion: Conversion

    private init(_ name: String, _ path: String, _ conversion: Conversion) {
        self.name = name
        self.path = path
        self.conversion = conversion
    }

    /// The newer name's text, or `nil` when an inverted boolean is none.
    func converted(_ text: String) -> String? {
        switch conversion {
        case .same: text
        case .inverted: SettingTextReader.boolean(text).map { $0 ? "false" : "true" }
        case .unit(let unit): text + " " + unit
        }
    }

    /// Every name by itself.
    static let byName: [String: LegacyName] = {
        let all = [
            names("org.jitsi.videobridge.", "videobridge.", bridgeRows),
            names("org.jitsi.videobridge.rest.jetty.", "videobridge.http-servers.public.", serverRows),
            names("org.jitsi.videobridge.rest.private.jetty.", "videobridge.http-servers.private.", serverRows),
            names("org.ice4j.", "ice4j.harvest.", harvestRows),
            names("org.ice4j.", "ice4j.", agentRows),
        ]
        var result: [String: LegacyName] = [:]
        for legacy in all.joined() { result[legacy.name] = legacy }
        return result
    }()

    /// In front of `<id>.<PROPERTY>` or `<PROPERTY>` of an XMPP client.
    static let clientPrefix = "org.jitsi.videobridge.xmpp.user."
    /// The two that make one static mapping.
    static let natLocalAddress = "org.ice4j.ice.harvest.NAT_HARVESTER_LOCAL_ADDRESS"
    static let natPublicAddress = "org.ice4j.ice.harvest.NAT_HARVESTER_PUBLIC_ADDRESS"

    private typealias Row = (old: String, new: String, conversion: Conversion)

    private static func names(_ oldPrefix: String, _ newPrefix: String, _ rows: [Row]) -> [LegacyName] {
        rows.map { LegacyName(oldPrefix + $0.old, newPrefix + $0.new, $0.conversion) }
    }

    private static let bridgeRows: [Row] = [
        ("EXPIRE_CHECK_SLEEP_SEC", "entity-expiration.check-interval", .unit("s")),
        ("health.INTERVAL", "health.interval", .unit("ms")),
        ("health.TIMEOUT", "health.timeout", .unit("ms")),
        ("health.STICKY_FAILURES", "health.sticky-failures", .same),
        ("EndpointConnectionStatus.FIRST_TRANSFER_TIMEOUT", "ep-connection-status.first-transfer-timeout", .unit("ms")),
        ("EndpointConnectionStatus.MAX_INACTIVITY_LIMIT", "ep-connection-status.max-inactivity-limit", .unit("ms")),
        ("BWE_CHANGE_THRESHOLD_PCT", "cc.bwe-change-threshold", .unit("%")),
        ("ONSTAGE_PREFERRED_HEIGHT", "cc.onstage-preferred-height-px", .same),
        ("ONSTAGE_PREFERRED_FRAME_RATE", "cc.onstage-preferred-framerate", .same),
        ("ENABLE_ONSTAGE_VIDEO_SUSPEND", "cc.allow-oversend-onstage", .inverted),
        ("TRUST_BWE", "cc.trust-bwe", .same),
        ("PADDING_PERIOD_MS", "cc.padding-period", .unit("ms")),
        ("SINGLE_PORT_HARVESTER_PORT", "ice.udp.port", .same),
        ("ICE_UFRAG_PREFIX", "ice.ufrag-prefix", .same),
        ("KEEP_ALIVE_STRATEGY", "ice.keep-alive-strategy", .same),
        ("ENABLE_REST_SHUTDOWN", "rest.shutdown.enabled", .same),
        ("REGION", "relay.region", .same),
        ("rest.COLIBRI_WS_DISABLE", "websockets.enabled", .inverted),
        ("rest.COLIBRI_WS_SERVER_ID", "websockets.server-id", .same),
        ("rest.COLIBRI_WS_DOMAIN", "websockets.domain", .same),
        ("rest.COLIBRI_WS_TLS", "websockets.tls", .same),
    ]

    /// It switches REST off and never on; ``SettingsReader`` sees to that.
    static let restSwitch = "org.jitsi.videobridge.ENABLE_REST_COLIBRI"

    private static let serverRows: [Row] = [
        ("host", "host", .same), ("port", "port", .same), ("tls.port", "tls-port", .same),
        ("sslContextFactory.keyStorePath", "key-store-path", .same),
        ("sslContextFactory.keyStorePassword", "key-store-password", .same),
        ("sslContextFactory.needClientAuth", "need-client-auth", .same),
    ]

    private static let harvestRows: [Row] = [
        ("ipv6.DISABLED", "use-ipv6", .inverted),
        ("ice.harvest.DISABLE_LINK_LOCAL_ADDRESSES", "use-link-local-addresses", .inverted),
        ("ice.harvest.HARVESTING_TIMEOUT", "timeout", .unit("s")),
        ("ice.harvest.AbstractUdpListener.SO_RCVBUF", "udp.receive-buffer-size", .same),
        ("ice.harvest.USE_DYNAMIC_HOST_HARVESTER", "udp.use-dynamic-ports", .same),
        ("ice.harvest.ALLOWED_ADDRESSES", "allowed-addresses", .same),
        ("ice.harvest.BLOCKED_ADDRESSES", "blocked-addresses", .same),
        ("ice.harvest.ALLOWED_INTERFACES", "allowed-interfaces", .same),
        ("ice.harvest.BLOCKED_INTERFACES", "blocked-interfaces", .same),
        ("ice.harvest.DISABLE_AWS_HARVESTER", "mapping.aws.enabled", .inverted),
        ("ice.harvest.FORCE_AWS_HARVESTER", "mapping.aws.force", .same),
        ("ice.harvest.STUN_MAPPING_HARVESTER_ADDRESSES", "mapping.stun.addresses", .same),
    ]

    private static let agentRows: [Row] = [
        ("MAX_CHECK_LIST_SIZE", "ice.max-check-list-size", .same),
        ("TERMINATION_DELAY", "ice.termination-delay", .unit("ms")),
        ("SOFTWARE", "software", .same),
        ("ice.CONSENT_FRESHNESS_INTERVAL", "consent-freshness.interval", .unit("ms")),
        ("ice.CONSENT_FRESHNESS_WAIT_INTERVAL", "consent-freshness.original-wait-interval", .unit("ms")),
        ("ice.CONSENT_FRESHNESS_MAX_WAIT_INTERVAL", "consent-freshness.max-wait-interval", .unit("ms")),
        ("ice.CONSENT_FRESHNESS_MAX_RETRANSMISSIONS", "consent-freshness.max-retransmissions", .same),
    ]
}
