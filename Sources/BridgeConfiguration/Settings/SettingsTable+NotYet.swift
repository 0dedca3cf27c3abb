// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Settings that are known and checked, but belong to features that come later; and keys without a meaning here.
extension SettingsTable {
    static let limits: [SettingEntry] = [
        .init("videobridge.cryptex.endpoint", .boolean, "false", "Offer RFC 9335 to endpoints."),
        .init("videobridge.cryptex.relay", .boolean, "false", "Offer RFC 9335 to relays."),
        .init("videobridge.sctp.enabled", .boolean, "true", "Data channels.", .used),
        .init("videobridge.sctp.max-channels", .integer(0...65_535), "1", "Data channels of one association.", .used),
        .init("videobridge.transport.send.queue-size", .integer(1...1_000_000), "1024", "Packets queued for a peer."),
        .init(
            "videobridge.ssrc-limit.video", .integer(0...1_000), "50", "Pictures that a receiver gets at most.", .used),
        .init(
            "videobridge.ssrc-limit.audio", .integer(0...10_000), "50", "Audio SSRCs of a rewriting receiver.", .used),
        .init("videobridge.connection-stats.enabled", .boolean, "true", "Send ConnectionStats messages.", .used),
        .init("videobridge.connection-stats.interval", .duration, "10 seconds", "Their period.", .used),
        .init(
            "videobridge.stats-filter-threshold", .integer(counts), "20",
            "Larger conferences get filtered EndpointStats.", .used),
        .init("jmt.transceiver.recv.queue-size", .integer(1...1_000_000), "1024", "Packets queued from a peer."),
        .init("jmt.transceiver.send.queue-size", .integer(1...1_000_000), "1024", "Packets queued to a peer."),
    ]

    static let allocation: [SettingEntry] = [
        .init(
            "videobridge.cc.bwe-change-threshold", .fraction, "0.15",
            "Smaller relative changes of the estimate change nothing.", .used),
        .init(
            "videobridge.cc.default-max-height-px", .integer(0...100_000), "180", "Height without constraints.", .used,
            aliases: ["videobridge.cc.thumbnail-max-height-px"]),
        .init(
            "videobridge.cc.initial-max-height-px", .integer(0...100_000), "0", "Height before the first constraints.",
            .used),
        .init(
            "videobridge.cc.onstage-preferred-height-px", .integer(0...100_000), "360", "First target on stage.", .used),
        .init(
            "videobridge.cc.onstage-preferred-framerate", .number(0...1_000), "30", "Least frame rate above it.", .used),
        .init(
            "videobridge.cc.allow-oversend-onstage", .boolean, "true", "A screen share may exceed the estimate.", .used),
        .init("videobridge.cc.max-oversend-bitrate", .bandwidth, "500 kbps", "By this much.", .used),
        .init("videobridge.cc.trust-bwe", .boolean, "true", "false = behave as if bandwidth were unlimited.", .used),
        .init("videobridge.cc.padding-period", .duration, "15 ms", "Pace of probing and padding."),
        .init(
            "videobridge.cc.max-time-between-calculations", .duration, "5 seconds", "Longest time between allocations.",
            .used),
        .init(
            "videobridge.cc.jvb-last-n", .integer(-1...100_000), "-1", "Last-N of the whole bridge; -1 = none.", .used),
        .init("videobridge.cc.initial-last-n", .integer(-1...100_000), "-1", "Last-N of a new endpoint.", .used),
        .init(
            "videobridge.cc.assumed-bandwidth-limit", .bandwidth, "", "Receivers may dictate an estimate up to this.",
            .used),
        .init("videobridge.cc.use-vla-target-bitrate", .boolean, "false", "Use bitrates announced by senders."),
        .init(
            "videobridge.cc.initial-ignore-bwe-period", .duration, "", "Ignore the estimate after first media.", .used),
    ]

    static let estimation: [SettingEntry] = [
        .init("jmt.bwe.estimator.engine", .choice(["GoogleCc", "GoogleCc2"]), "GoogleCc2", "Bandwidth estimator."),
        .init("jmt.bwe.estimator.initial-bw", .bandwidth, "2500 kbps", "First estimate.", .used),
        .init(
            "jmt.bwe.estimator.min-bw", .bandwidth, "30 kbps", "Least estimate.", .used,
            aliases: ["jmt.bwe.google-cc.min-bw"]),
        .init(
            "jmt.bwe.estimator.max-bw", .bandwidth, "20 mbps", "Greatest estimate.", .used,
            aliases: ["jmt.bwe.google-cc.max-bw"]),
        .init(
            "jmt.bwe.estimator.GoogleCc", .anything,
            "{ default-window-size = 5 seconds, default-bucket-size = 100 ms, default-initial-ignore-bwe-period = 10 seconds }",
            "Rate windows of the older estimator."),
        .init(
            "jmt.bwe.estimator.GoogleCc2", .anything,
            "{ default-window-size = 1 second, default-bucket-size = 20 ms, default-initial-ignore-bwe-period = 0 seconds }",
            "Rate windows of the newer estimator."),
        .init(
            "jmt.bwe.send-side", .anything,
            "{ low-loss-threshold = 0.02, high-loss-threshold = 0.1, bitrate-threshold = 100 kbps,"
                + " loss-experiment { probability = 0, low-loss-threshold = 0.02, high-loss-threshold = 0.1,"
                + " bitrate-threshold = 100 kbps }, timeout-experiment { probability = 0 } }",
            "Loss controller of the older estimator."),
        .init(
            "jmt.bwe.overuse-detector", .anything,
            "{ initial-threshold = 25.0, overusing-time-threshold = 100.0 }",
            "Delay detector of the older estimator."),
        .init("jmt.rtp.bitrate-calculator.window-size", .duration, "", "Window of reported rates."),
        .init("jmt.rtp.bitrate-calculator.bucket-size", .duration, "", "Its steps."),
    ]

    static let audio: [SettingEntry] = [
        .init(
            "videobridge.speech-activity.recent-speakers-count", .integer(counts), "10",
            "Recent speakers announced.", .used),
        .init(
            "videobridge.speech-activity.enable-silence-detection", .boolean, "false", "Announce that nobody speaks.",
            .used),
        .init(
            "videobridge.speech-activity.silence-detection-timeout", .duration, "3 seconds",
            "Quiet time before that.", .used),
        .init("videobridge.loudest.route-loudest-only", .boolean, "false", "Forward only the loudest speakers.", .used),
        .init("videobridge.loudest.num-loudest", .integer(counts), "3", "How many.", .used),
        .init("videobridge.loudest.always-route-dominant", .boolean, "true", "And the dominant speaker.", .used),
        .init(
            "videobridge.loudest.energy-expire-time", .duration, "150 ms", "Silence that ends a place in the ranking.",
            .used),
        .init("videobridge.loudest.energy-alpha-pct", .integer(0...100), "50", "Smoothing in percent.", .used),
        .init(
            "jmt.audio.red.policy", .choice(["NOOP", "STRIP", "PROTECT_ALL"]), "NOOP",
            "RED goes as it came, is taken off, or is put on for those who take it.", .used),
        .init(
            "jmt.audio.red.distance", .choice(["ONE", "TWO"]), "TWO", "Packets that one RED packet repeats.", .used),
        .init("jmt.audio.red.vad-only", .boolean, "true", "Protect speech only.", .used),
        .init(
            "jmt.audio.level.forwarded-silence-packets-limit", .integer(counts), "3",
            "Silent packets in a row beyond which silence is dropped.", .used),
        .init("jmt.audio.level.discard-silence", .boolean, "true", "Drop silence (audio level 127).", .used),
    ]

    static let remote: [SettingEntry] = [
        .init(
            "videobridge.websockets.enabled", .boolean, "false",
            "Serve the bridge channel over WebSocket on the public HTTP server, and advertise it.", .used),
        .init(
            "videobridge.websockets.server-id", .text, "default-id",
            "Third element of the URL's path, by which a proxy in front tells bridges apart.", .used),
        .init(
            "videobridge.websockets.domains", .texts, "[]",
            "host:port values that are advertised, one URL for each: where clients find the proxy in front.", .used),
        .init("videobridge.websockets.domain", .text, "", "One more, put first.", .used),
        .init("videobridge.websockets.relay-domains", .texts, "[]", "The same for relays."),
        .init("videobridge.websockets.relay-domain", .text, "", "One more, put first."),
        .init(
            "videobridge.websockets.tls", .boolean, "",
            "wss (true) or ws in advertised URLs; unset = as the public HTTP server is.", .used),
        .init(
            "videobridge.websockets.enable-compression", .boolean, "true", "Agree on permessage-deflate.", .used),
        .init("videobridge.websockets.send-keepalive-pings", .boolean, "true", "Ping quiet clients.", .used),
        .init(
            "videobridge.websockets.keepalive-ping-interval", .duration, "15 seconds",
            "When nothing came from a client for so long.", .used),
        .init(
            "videobridge.websockets.idle-timeout", .duration, "60 seconds",
            "Close sockets of clients from which nothing came for so long.", .used),
        .init(
            "videobridge.relay.enabled", .boolean, "false", "Connect to other bridges.",
            aliases: ["videobridge.octo.enabled"]),
        .init(
            "videobridge.relay.relay-id", .text, "", "This bridge's name for other bridges.",
            aliases: ["videobridge.octo.relay-id", "videobridge.octo.bind-address"]),
        .init("videobridge.exporter.max-reconnect-attempts", .integer(counts), "", "Attempts of the media export."),
        .init("videobridge.exporter.base-delay", .duration, "1 second", "First delay between them."),
        .init("videobridge.exporter.max-delay", .duration, "30 seconds", "Longest delay between them."),
        .init("videobridge.exporter.stable-connection-threshold", .duration, "30 seconds", "What counts as connected."),
        .init("tracing.enabled", .boolean, "false", "OpenTelemetry spans."),
        .init("tracing.service-name", .text, "jvb", "Their service name."),
    ]

    static let debugging: [SettingEntry] = [
        .init("jmt.debug.pcap.enabled", .boolean, "false", "Permit decrypted captures."),
        .init("jmt.debug.pcap.start-enabled", .boolean, "false", "Capture every endpoint."),
        .init("jmt.debug.pcap.directory", .text, "/tmp", "Where captures go."),
        .init(
            "jmt.debug.packet-loss", .anything,
            "{ incoming { uniform-rate = 0, burst-size = 0, burst-interval = 0 },"
                + " outgoing { uniform-rate = 0, burst-size = 0, burst-interval = 0 } }",
            "Artificial loss."),
        .init(
            "jmt.debug.packet-timeline", .anything, "{ enabled = false, log-fraction = 10000 }",
            "Time line of single packets."),
        .init("jmt.debug.payload-verification.enabled", .boolean, "false", "Check that payloads stay as they are."),
    ]

    static let ignored: [SettingEntry] = [
        ("videobridge.apis.xmpp-client.jid-cache-size", "A cache this bridge does not have."),
        ("videobridge.stats.enabled", "Statistics are always on."),
        ("videobridge.stats.transports", "Statistics always go to presence and HTTP."),
        ("videobridge.sctp.use-usrsctp", "There is one SCTP implementation."),
        ("videobridge.ice.tcp", "ICE over TCP does not exist."),
        ("videobridge.multi-stream", "Always on."),
        ("videobridge.octo", "Replaced by videobridge.relay."),
        ("videobridge.cc.enable-onstage-video-suspend", "Replaced by videobridge.cc.allow-oversend-onstage."),
        ("videobridge.cc.bwe-change-threshold-pct", "Replaced by videobridge.cc.bwe-change-threshold."),
        ("jmt.srtp.factory-class", "OpenSSL is the only provider."),
        ("ice4j.use-component-socket", "A detail of a Java API."),
        ("org.ice4j", "Old names that are no longer known; use those under ice4j."),
        ("org.jitsi", "Old names; they count in sip-communicator.properties only."),
    ].map { .init($0.0, .anything, "", $0.1, .ignored) }
}

/// DTLS 1.2 cipher suites: IANA names and OpenSSL's. Only such as have forward secrecy and authenticated encryption
/// (media-plane.md 2); the weak rest, CBC suites included, is refused like any unknown name.
enum CipherSuites {
    private static let table: [(iana: String, openSSL: String)] = [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384"),
        ("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "DHE-RSA-CHACHA20-POLY1305"),
    ]

    static let names = table.map(\.iana)
    static let defaults = Array(names.prefix(5))

    /// OpenSSL's colon-separated list for IANA names, all of which must be in ``names``.
    static func openSSLList(_ names: [String]) -> String {
        names.compactMap { name in table.first { $0.iana == name }?.openSSL }.joined(separator: ":")
    }
}
