// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Every setting the bridge knows, once: reading, checking, documentation and the sample file all come from here.
///
/// Names and defaults are those of jitsi-videobridge (operations.md a.4, a.5) unless the meaning says otherwise.
public enum SettingsTable {
    /// A chapter of the documentation.
    public struct Section: Sendable {
        /// Its title.
        public let title: String
        /// Its settings.
        public let entries: [SettingEntry]
    }

    /// All settings by chapter.
    public static let sections: [Section] = [
        Section(title: "XMPP client", entries: xmpp),
        Section(title: "HTTP", entries: http),
        Section(title: "ICE", entries: ice),
        Section(title: "Addresses and sockets", entries: harvest),
        Section(title: "DTLS, SRTP and key frames", entries: secureMedia),
        Section(title: "Lifetimes and health", entries: lifetimes),
        Section(title: "Load, statistics, version and shutdown", entries: operations),
        Section(title: "Viaduct's own settings", entries: viaduct),
        Section(title: "Transport and media limits", entries: limits),
        Section(title: "Congestion control and allocation", entries: allocation),
        Section(title: "Bandwidth estimation", entries: estimation),
        Section(title: "Audio", entries: audio),
        Section(title: "WebSockets, relays and export", entries: remote),
        Section(title: "Debugging", entries: debugging),
        Section(title: "Accepted and ignored", entries: ignored),
    ]

    /// All settings.
    public static let entries: [SettingEntry] = sections.flatMap(\.entries)

    /// Every default in one HOCON text: the lowest layer of the tree, which references from a file see.
    static let defaults: String = entries.filter { !$0.fallback.isEmpty }
        .map { "\($0.path) = \($0.fallbackText)\n" }.joined()

    static let whitelist = [
        "average_participant_stress", "colibri2", "current_timestamp", "drain", "graceful_shutdown", "healthy",
        "region", "relay_id", "release", "shutting_down", "stress_level", "version",
    ]
    static let hashes = ["sha-512", "sha-384", "sha-256", "sha-1"]
    static let profiles = [
        "SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AEAD_AES_256_GCM",
        "SRTP_AES128_CM_HMAC_SHA1_32",
    ]
    static let ports = 1...65_535
    static let portsOrOff = -1...65_535
    static let counts = 0...Int.max

    static func list(_ words: [String]) -> String { "[" + words.joined(separator: ", ") + "]" }

    // MARK: Used so far

    static let xmpp: [SettingEntry] = [
        .init(
            "videobridge.apis.xmpp-client.configs", .clients, "",
            "One named block for each XMPP server: HOSTNAME, PORT (5222), DOMAIN (= HOSTNAME), USERNAME, PASSWORD, "
                + "MUC_JIDS (comma-separated rooms), MUC_NICKNAME (unique per bridge), "
                + "DISABLE_CERTIFICATE_VERIFICATION (false), CA_FILE (PEM file of authorities to believe instead of the "
                + "system's), SECURITY_MODE (required, ifpossible, disabled).", .used),
        .init(
            "videobridge.apis.xmpp-client.presence-interval", .duration, "5 seconds",
            "Period of the presence with statistics.", .used),
        .init(
            "videobridge.apis.xmpp-client.stats-filter.enabled", .boolean, "false",
            "Publish only the statistics of the whitelist.", .used),
        .init(
            "videobridge.apis.xmpp-client.stats-filter.whitelist", .texts, list(whitelist),
            "Statistics that pass the filter.", .used),
    ]

    static let http: [SettingEntry] =
        [
            .init(
                "videobridge.http-servers.private.host", .text, "127.0.0.1",
                "Address of the private HTTP server (control, health, statistics).", .used),
            .init("videobridge.http-servers.private.port", .integer(portsOrOff), "8080", "Its port; -1 = off.", .used),
            .init(
                "videobridge.apis.rest.enabled", .boolean, "false",
                "Serve /colibri/stats, /colibri/v2/conferences and /colibri/muc-client.", .used),
            .init("videobridge.rest.debug.enabled", .boolean, "true", "Serve /debug.", .used),
            .init("videobridge.rest.drain.enabled", .boolean, "true", "Serve /colibri/drain.", .used),
            .init("videobridge.rest.health.enabled", .boolean, "true", "Serve /about/health.", .used),
            .init("videobridge.rest.prometheus.enabled", .boolean, "true", "Serve /metrics.", .used),
            .init("videobridge.rest.version.enabled", .boolean, "true", "Serve /about/version.", .used),
            .init(
                "videobridge.rest.shutdown.enabled", .boolean, "false",
                "Serve /colibri/shutdown; needs videobridge.apis.rest.enabled too."),
            .init("videobridge.rest.rtcstats.enabled", .boolean, "true", "Serve /stats."),
            .init(
                "videobridge.http-servers.private.tls-port", .integer(portsOrOff), "8443",
                "Its port when it has a key store; `port` is then not used.", .used),
            .init(
                "videobridge.http-servers.public.host", .text, "",
                "Address of the public HTTP server, which serves WebSockets only; unset = all addresses.", .used),
            .init("videobridge.http-servers.public.port", .integer(portsOrOff), "-1", "Its port; -1 = off.", .used),
            .init(
                "videobridge.http-servers.public.tls-port", .integer(portsOrOff), "-1",
                "Its port when it has a key store; `port` is then not used.", .used),
        ] + ["private", "public"].flatMap { tls("videobridge.http-servers.\($0).") }

    static let tlsVersions = ["TLSv1.2", "TLSv1.3"]

    private static func tls(_ prefix: String) -> [SettingEntry] {
        [
            .init(
                prefix + "key-store-path", .text, "",
                "PKCS#12 or PEM file with certificate and key; its presence turns TLS on.", .used),
            .init(prefix + "key-store-password", .text, "", "Its password.", .used),
            .init(
                prefix + "cert-path", .text, "",
                "Instead of a key store: PEM file with the certificate and those that vouch for it. Ours.", .used),
            .init(prefix + "key-path", .text, "", "PEM file with the key of cert-path. Ours.", .used),
            .init(
                prefix + "need-client-auth", .boolean, "false",
                "Ask for client certificates. Not there yet: true ends the start."),
            .init(prefix + "send-server-version", .boolean, "false", "Send the Server header."),
            .init(
                prefix + "tls-protocols", .choices(tlsVersions), list(tlsVersions), "Accepted TLS versions.", .used),
            .init(prefix + "tls-cipher-suites", .texts, "", "Accepted TLS 1.2 cipher suites."),
        ]
    }

    static let ice: [SettingEntry] = [
        .init(
            "videobridge.ice.udp.port", .integer(ports), "10000",
            "The one media port, bound on every allowed local address.", .used),
        .init(
            "videobridge.ice.ufrag-prefix", .text, "",
            "Start of the ICE user names, for load balancers that route by them.", .used),
        .init(
            "videobridge.ice.advertise-private-candidates", .boolean, "true",
            "Offer private addresses to every peer.", .used),
        .init(
            "videobridge.ice.keep-alive-strategy", .choice(["selected_only", "selected_and_tcp", "all_succeeded"]),
            "selected_only", "Which pairs are kept alive."),
        .init("videobridge.ice.resolve-remote-candidates", .boolean, "false", "Resolve names in remote candidates."),
        .init(
            "videobridge.ice.nomination-strategy",
            .choice([
                "NominateFirstHostOrReflexiveValid", "NominateFirstValid", "NominateHighestPriority",
                "NominateBestRTT", "None",
            ]), "NominateFirstHostOrReflexiveValid", "Which valid pair the bridge nominates when it controls.",
            .used),
        .init(
            "videobridge.ice.restart.enabled", .boolean, "true",
            "Restart ICE in place when colibri2 asks for it; otherwise the endpoint is made anew.", .used),
        .init(
            "videobridge.ice.restart.transition-window", .duration, "3 seconds", "How long the old pair is kept.",
            .used),
        .init(
            "videobridge.ice.restart.timeout", .signedDuration, "20 seconds",
            "Give a restart up and keep the old pair; 0 and less = no restarts.", .used),
        .init(
            "ice4j.consent-freshness.interval", .duration, "5 seconds",
            "Period of consent checks.", .used),
        .init(
            "ice4j.consent-freshness.original-wait-interval", .duration, "500 ms",
            "Wait before a consent check is first repeated.", .used),
        .init(
            "ice4j.consent-freshness.max-wait-interval", .duration, "500 ms",
            "Longest wait between two repetitions.", .used),
        .init("ice4j.consent-freshness.max-retransmissions", .integer(0...100), "5", "Repetitions.", .used),
        .init("ice4j.consent-freshness.randomize-interval", .boolean, "true", "Vary the period by ±20 %.", .used),
        .init("ice4j.ice.max-check-list-size", .integer(1...10_000), "100", "Candidate pairs for each peer."),
        .init("ice4j.ice.termination-delay", .duration, "3 seconds", "How long an agent lives on after completion."),
        .init("ice4j.software", .text, "Viaduct", "SOFTWARE attribute of STUN requests; empty = none.", .used),
        .init("ice4j.send-to-last-received-from-address", .boolean, "false", "Follow the pair the peer sends on."),
        .init("ice4j.redact-remote-addresses", .boolean, "false", "Shorten addresses in ICE log lines."),
    ]

    static let harvest: [SettingEntry] = [
        .init("ice4j.harvest.use-ipv6", .boolean, "true", "Use IPv6 addresses.", .used),
        .init("ice4j.harvest.use-link-local-addresses", .boolean, "false", "Use link-local addresses.", .used),
        .init(
            "ice4j.harvest.udp.receive-buffer-size", .bytes(4_096...(1 << 30)), "10485760",
            "Receive buffer asked from the kernel for each media socket.", .used),
        .init("ice4j.harvest.allowed-addresses", .texts, "[]", "If set, only these local addresses.", .used),
        .init("ice4j.harvest.blocked-addresses", .texts, "[]", "Never these local addresses.", .used),
        .init("ice4j.harvest.allowed-interfaces", .texts, "[]", "If set, only these interfaces.", .used),
        .init("ice4j.harvest.blocked-interfaces", .texts, "[]", "Never these interfaces.", .used),
        .init(
            "ice4j.harvest.mapping.static-mappings", .mappings, "[]",
            "Public addresses of local ones: { local-address, public-address, local-port and public-port (both or "
                + "neither), name }.", .used),
        .init(
            "ice4j.harvest.mapping.aws.enabled", .boolean, "true",
            "Ask Amazon's metadata service for the public address."),
        .init("ice4j.harvest.mapping.aws.force", .boolean, "false", "Ask it on other machines too."),
        .init("ice4j.harvest.mapping.stun.addresses", .texts, "[]", "STUN servers that tell the public address."),
        .init("ice4j.harvest.mapping.stun.enabled", .boolean, "true", "false = ignore the STUN servers."),
        .init("ice4j.harvest.timeout", .duration, "15 seconds", "Longest time a harvest may take."),
        .init("ice4j.harvest.udp.use-dynamic-ports", .boolean, "true", "Further candidates on ephemeral ports."),
        .init("ice4j.harvest.udp.socket-pool-size", .integer(0...1_024), "0", "Send sockets; 0 = one per CPU."),
    ]

    static let secureMedia: [SettingEntry] = [
        .init("jmt.dtls.handshake-timeout", .duration, "30 seconds", "Longest DTLS handshake.", .used),
        .init(
            "jmt.dtls.cipher-suites", .choices(CipherSuites.names), list(CipherSuites.defaults),
            "DTLS 1.2 cipher suites by their IANA names, best first.", .used),
        .init(
            "jmt.dtls.local-fingerprint-hash-function", .choice(hashes), "sha-256",
            "Hash of the fingerprint the bridge announces.", .used),
        .init(
            "jmt.dtls.accepted-fingerprint-hash-functions", .choices(hashes), list(hashes),
            "Hashes accepted in a peer's fingerprints, strongest first.", .used),
        .init(
            "jmt.srtp.protection-profiles", .choices(profiles), list(Array(profiles.prefix(2))),
            "SRTP profiles, best first.", .used),
        .init(
            "jmt.keyframe.min-interval", .duration, "200 ms",
            "Between two key-frame requests of a receiver; a shorter round trip shortens it.", .used),
        .init(
            "jmt.keyframe.max-requests", .integer(1...1_000), "3",
            "Requests of a receiver in the interval, at most 8; for a change of its picture the bridge asks up to 8 times.",
            .used),
        .init("jmt.keyframe.max-request-interval", .duration, "10 seconds", "The interval they are counted in.", .used),
        .init("jmt.keyframe.source-wide-min-interval", .duration, "200 ms", "The same over all receivers.", .used),
        .init("jmt.keyframe.source-wide-max-requests", .integer(1...1_000), "1", "The same over all receivers.", .used),
        .init(
            "jmt.keyframe.source-wide-max-request-interval", .duration, "200 ms", "The same over all receivers.", .used),
        .init(
            "jmt.srtp.max-consecutive-packets-discarded-early", .integer(-1...1_000_000), "-1",
            "Silent and muted packets in a row dropped without authentication; more than 2000 counts as that, -1 = none.",
            .used),
    ]

    static let lifetimes: [SettingEntry] = [
        .init(
            "videobridge.entity-expiration.timeout", .duration, "1 minute",
            "An endpoint that was active and fell silent for this long is removed.", .used),
        .init("videobridge.entity-expiration.check-interval", .duration, "1 minute", "Period of that sweep.", .used),
        .init("videobridge.health.interval", .duration, "1 minute", "Period of self checks.", .used),
        .init(
            "videobridge.health.timeout", .duration, "90 seconds",
            "Without a result younger than this the bridge is unhealthy; longer than the interval.", .used),
        .init(
            "videobridge.health.max-check-duration", .duration, "3 seconds", "A slower check counts as failed.", .used),
        .init("videobridge.health.sticky-failures", .boolean, "false", "Once failed, stay failed.", .used),
        .init(
            "videobridge.health.require-valid-address", .boolean, "true",
            "Fail when no public address is known.", .used),
        .init(
            "videobridge.health.require-stun", .boolean, "false",
            "Fail when STUN servers are configured and none answered."),
        .init(
            "videobridge.ep-connection-status.first-transfer-timeout", .duration, "15 seconds",
            "A new endpoint without traffic is inactive after this.", .used),
        .init(
            "videobridge.ep-connection-status.max-inactivity-limit", .duration, "8 seconds",
            "Silence after which an endpoint counts as inactive.", .used),
        .init(
            "videobridge.ep-connection-status.check-interval", .duration, "500 ms", "Period of that check.", .used),
    ]

    static let operations: [SettingEntry] = [
        .init("videobridge.stats.interval", .duration, "5 seconds", "Period in which gauges are calculated.", .used),
        .init(
            "videobridge.load-management.load-measurements.load-measurement", .choice(["cpu-usage", "packet-rate"]),
            "cpu-usage", "What stress is computed from.", .used),
        .init(
            "videobridge.load-management.load-measurements.packet-rate.load-threshold", .integer(1...Int.max), "50000",
            "Packets per second that mean stress 1.", .used),
        .init(
            "videobridge.load-management.load-measurements.packet-rate.recovery-threshold", .integer(counts), "40000",
            "Packets per second below which limits may be relaxed."),
        .init(
            "videobridge.load-management.load-measurements.cpu-usage.load-threshold", .fraction, "0.9",
            "Share of the machine's processors that means stress 1.", .used),
        .init(
            "videobridge.load-management.load-measurements.cpu-usage.recovery-threshold", .fraction, "0.72",
            "Share below which limits may be relaxed."),
        .init(
            "videobridge.load-management.load-measurements.cpu-usage.detect-cpu-steal", .boolean, "true",
            "Add the time the hypervisor took away.", .used),
        .init(
            "videobridge.load-management.average-participant-stress", .number(0...1_000), "0.01",
            "Stress of one participant, as told to the focus.", .used),
        .init("videobridge.load-management.reducer-enabled", .boolean, "false", "Lower last-N under load."),
        .init("videobridge.load-management.load-reducers.last-n.reduction-scale", .number(0...1), "0.75", "Step down."),
        .init("videobridge.load-management.load-reducers.last-n.recover-scale", .number(1...100), "1.25", "Step up."),
        .init(
            "videobridge.load-management.load-reducers.last-n.impact-time", .duration, "1 minute", "Between two steps."),
        .init(
            "videobridge.load-management.load-reducers.last-n.minimum-last-n-value", .integer(counts), "1",
            "Lowest limit."),
        .init(
            "videobridge.load-management.load-reducers.last-n.maximum-enforced-last-n-value", .integer(counts), "40",
            "Reaching it lifts the limit."),
        .init(
            "videobridge.load-management.conference-last-n-limits", .integerMap, "{}",
            "Last-N by conference size: the largest key not above the size counts.", .used),
        .init("videobridge.stats.transit-time.enable-json", .boolean, "true", "Delay histogram under /debug/stats."),
        .init("videobridge.stats.transit-time.enable-prometheus", .boolean, "false", "Delay histogram in /metrics."),
        .init("videobridge.stats.transit-time.enable-jitter", .boolean, "false", "Processing jitter."),
        .init("videobridge.stats.jvm.enabled", .boolean, "true", "Process gauges (threads, files, memory).", .used),
        .init("videobridge.version.announce", .boolean, "false", "Version in ServerHello.", .used),
        .init("videobridge.version.release", .text, "", "Release label told to the focus.", .used),
        .init("videobridge.shutdown.graceful-shutdown-max-duration", .duration, "24 hours", "Longest graceful phase."),
        .init(
            "videobridge.shutdown.graceful-shutdown-min-participants", .integer(counts), "0",
            "The graceful phase ends at or below this number."),
        .init("videobridge.shutdown.shutting-down-delay", .duration, "1 minute", "Time for the focus to move people."),
        .init("videobridge.initial-drain-mode", .boolean, "false", "Start drained.", .used),
        .init(
            "videobridge.relay.region", .text, "", "Region told to the focus, relays or not.", .used,
            aliases: ["videobridge.octo.region"]),
        .init(
            "videobridge.redact-remote-addresses", .boolean, "true", "Shorten client addresses in log lines.", .used),
        .init("videobridge.redact-colibri-http-headers", .boolean, "true", "Hide header values of <connect> in logs."),
    ]

    static let viaduct: [SettingEntry] = [
        .init("viaduct.media.gso", .boolean, "true", "Send runs of equal packets in one call (UDP_SEGMENT).", .used),
        .init("viaduct.media.gro", .boolean, "true", "Receive runs of packets in one call (UDP_GRO).", .used),
        .init(
            "viaduct.media.pin", .boolean, "true",
            "Bind each media worker to one processor, and keep the other threads off it.", .used),
        .init("viaduct.media.workers", .integer(1...256), "1", "Media workers; so far there is one."),
        .init(
            "viaduct.srtp.engine", .choice(["auto", "ipsec-mb", "evp"]), "auto",
            "What encrypts media: libipsec-mb, OpenSSL's EVP, or the first where the machine has it.", .used),
        .init(
            "viaduct.limits.conferences", .integer(1...BridgeConfigurationLimits.conferences),
            "\(BridgeConfigurationLimits.conferences)",
            "Conferences at one time; one more is refused with resource-constraint, and the focus takes another bridge.",
            .used),
        .init(
            "viaduct.limits.endpoints", .integer(1...BridgeConfigurationLimits.endpoints),
            "\(BridgeConfigurationLimits.endpoints)", "Endpoints at one time, over all conferences; likewise.", .used),
        .init(
            "viaduct.limits.endpoints-per-conference", .integer(1...BridgeConfigurationLimits.endpointsPerConference),
            "\(BridgeConfigurationLimits.endpointsPerConference)", "Endpoints of one conference; likewise.", .used),
        .init(
            "viaduct.sigterm-grace", .duration, "2 seconds",
            "Wait between announcing the end on SIGTERM and closing.", .used),
        .init(
            "viaduct.log.format", .choice(["jvb", "plain"]), "jvb",
            "Log lines as jitsi-videobridge writes them, or level and text only.", .used),
        .init(
            "viaduct.log.level", .choice(["error", "warning", "notice", "info", "debug", "trace"]), "info",
            "Least level that is logged.", .used),
    ]
}
