// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A configuration that can be used, and what the administrator should know about it.
public struct LoadedSettings: Sendable {
    /// The settings.
    public let settings: BridgeSettings
    /// Warnings and hints, to be logged once.
    public var notices: [ConfigurationNotice]
    /// Every setting with its effective value, secrets masked: the answer to `--print-config`.
    public let effectiveText: String
}

extension BridgeSettings {
    /// Reads, checks and types a configuration file.
    ///
    /// - Parameters: see ``HOCONReader/read(_:file:environment:systemProperties:defaults:includes:)``; `legacy` is a
    ///   `sip-communicator.properties`, which outranks the file for the settings it may hold.
    /// - Throws: anything that makes the file unusable; the process must end with status 78.
    public static func load(
        _ bytes: [UInt8], file: String, environment: [String: String] = [:],
        systemProperties: [(name: String, value: String)] = [], legacy: LegacyFile? = nil,
        includes: IncludeResolver = .none
    ) throws(ConfigurationError) -> LoadedSettings {
        let document = try HOCONReader.read(
            bytes, file: file, environment: environment, systemProperties: systemProperties,
            defaults: SettingsTable.defaults, includes: includes)
        var loader = SettingsLoader(reader: try SettingsReader(document, legacy: legacy))
        let settings = try loader.settings()
        return LoadedSettings(
            settings: settings, notices: loader.reader.notices,
            effectiveText: SettingsReport.effective(document, written: loader.reader.written))
    }

    /// The settings of an empty file.
    public static func defaults() throws(ConfigurationError) -> BridgeSettings {
        try load([], file: "defaults").settings
    }
}

/// Builds ``BridgeSettings`` from checked values.
struct SettingsLoader {
    var reader: SettingsReader

    mutating func settings() throws(ConfigurationError) -> BridgeSettings {
        let publicHTTP = try http("public", anywhere: "")
        let settings = BridgeSettings(
            xmppClients: try clients(), presence: presence(), http: try http("private", anywhere: "0.0.0.0"),
            publicHTTP: publicHTTP, webSockets: try webSockets(publicHTTP), rest: rest(), ice: try ice(),
            harvest: try harvest(), dtls: dtls(), srtpProfiles: reader.texts("jmt.srtp.protection-profiles"),
            keyframes: keyframes(),
            audio: audio(),
            channel: try channel(),
            allocation: allocation(),
            speech: speech(),
            expiration: .init(
                timeout: reader.duration("videobridge.entity-expiration.timeout"),
                checkInterval: reader.duration("videobridge.entity-expiration.check-interval")),
            connectivity: .init(
                firstTransferTimeout: reader.duration("videobridge.ep-connection-status.first-transfer-timeout"),
                inactivityLimit: reader.duration("videobridge.ep-connection-status.max-inactivity-limit"),
                checkInterval: reader.duration("videobridge.ep-connection-status.check-interval")),
            health: try health(), load: load(),
            statisticsInterval: reader.duration("videobridge.stats.interval"),
            publishesProcessGauges: reader.boolean("videobridge.stats.jvm.enabled"),
            region: reader.optionalText("videobridge.relay.region"),
            relayID: reader.optionalText("videobridge.relay.relay-id"),
            isRelayEnabled: reader.boolean("videobridge.relay.enabled"),
            release: reader.optionalText("videobridge.version.release"),
            startsDrained: reader.boolean("videobridge.initial-drain-mode"),
            redactsRemoteAddresses: reader.boolean("videobridge.redact-remote-addresses"),
            media: .init(
                usesGSO: reader.boolean("viaduct.media.gso"), usesGRO: reader.boolean("viaduct.media.gro"),
                pinsWorkers: reader.boolean("viaduct.media.pin"), workers: reader.integer("viaduct.media.workers"),
                srtpEngine: reader.text("viaduct.srtp.engine")),
            limits: .init(
                conferences: reader.integer("viaduct.limits.conferences"),
                endpoints: reader.integer("viaduct.limits.endpoints"),
                endpointsPerConference: reader.integer("viaduct.limits.endpoints-per-conference")),
            sigtermGrace: reader.duration("viaduct.sigterm-grace"),
            log: .init(format: reader.text("viaduct.log.format"), level: reader.text("viaduct.log.level")))
        try requirePositivePeriods()
        return settings
    }

    /// Periods that drive timers; zero would make a timer spin.
    private func requirePositivePeriods() throws(ConfigurationError) {
        for path in [
            "videobridge.apis.xmpp-client.presence-interval", "videobridge.stats.interval",
            "videobridge.health.interval", "videobridge.entity-expiration.check-interval",
            "ice4j.consent-freshness.interval", "ice4j.consent-freshness.original-wait-interval",
            "jmt.dtls.handshake-timeout", "videobridge.connection-stats.interval",
            "videobridge.websockets.keepalive-ping-interval", "videobridge.websockets.idle-timeout",
        ] where reader.duration(path) < .milliseconds(10) {
            throw ConfigurationError(at: location(path), "\(path) must be at least 10 ms")
        }
    }

    func location(_ path: String) -> SourceLocation {
        reader.written[path]?.location ?? SourceLocation(file: reader.document.file)
    }

    private func presence() -> BridgeSettings.Presence {
        let isFiltered = reader.boolean("videobridge.apis.xmpp-client.stats-filter.enabled")
        let whitelist = reader.texts("videobridge.apis.xmpp-client.stats-filter.whitelist")
        return .init(
            interval: reader.duration("videobridge.apis.xmpp-client.presence-interval"),
            allowedStatistics: isFiltered ? Set(whitelist) : nil)
    }

    private func rest() -> BridgeSettings.REST {
        .init(
            colibri: reader.boolean("videobridge.apis.rest.enabled"),
            debug: reader.boolean("videobridge.rest.debug.enabled"),
            drain: reader.boolean("videobridge.rest.drain.enabled"),
            health: reader.boolean("videobridge.rest.health.enabled"),
            prometheus: reader.boolean("videobridge.rest.prometheus.enabled"),
            version: reader.boolean("videobridge.rest.version.enabled"),
            shutdown: reader.boolean("videobridge.rest.shutdown.enabled"))
    }

    private func ice() throws(ConfigurationError) -> BridgeSettings.ICE {
        let path = "videobridge.ice.ufrag-prefix"
        if let prefix = reader.optionalText(path), !Self.isUfragPrefix(prefix) {
            throw ConfigurationError(
                at: location(path),
                "\(path) must be at most \(BridgeConfigurationLimits.ufragPrefixBytes) letters, digits, + and /,"
                    + " not \"\(prefix)\"")
        }
        return .init(
            port: UInt16(clamping: reader.integer("videobridge.ice.udp.port")),
            ufragPrefix: reader.optionalText("videobridge.ice.ufrag-prefix"),
            nominationStrategy: reader.text("videobridge.ice.nomination-strategy"),
            advertisesPrivateCandidates: reader.boolean("videobridge.ice.advertise-private-candidates"),
            consent: .init(
                interval: reader.duration("ice4j.consent-freshness.interval"),
                firstWait: reader.duration("ice4j.consent-freshness.original-wait-interval"),
                maxWait: reader.duration("ice4j.consent-freshness.max-wait-interval"),
                maxRetransmissions: reader.integer("ice4j.consent-freshness.max-retransmissions"),
                isRandomized: reader.boolean("ice4j.consent-freshness.randomize-interval")),
            software: reader.optionalText("ice4j.software"),
            restart: .init(
                isEnabled: reader.boolean("videobridge.ice.restart.enabled"),
                transitionWindow: reader.duration("videobridge.ice.restart.transition-window"),
                timeout: reader.duration("videobridge.ice.restart.timeout")))
    }

    /// ALPHA, DIGIT, `+`, `/` (RFC 8839 §5.1); a colon would end the fragment in USERNAME.
    private static func isUfragPrefix(_ prefix: String) -> Bool {
        prefix.utf8.count <= BridgeConfigurationLimits.ufragPrefixBytes
            && prefix.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789+/".unicodeScalars.contains($0))
            }
    }

    private mutating func harvest() throws(ConfigurationError) -> BridgeSettings.Harvest {
        let prefix = "ice4j.harvest."
        let servers =
            reader.boolean(prefix + "mapping.stun.enabled")
            ? reader.texts(prefix + "mapping.stun.addresses") : []
        if !servers.isEmpty {
            let path = prefix + "mapping.stun.addresses"
            reader.warn(
                "\(path): STUN mapping is not used yet; name the public address in static-mappings", at: location(path))
        }
        if reader.written[prefix + "mapping.aws.enabled"] != nil, reader.boolean(prefix + "mapping.aws.enabled") {
            let path = prefix + "mapping.aws.enabled"
            reader.warn(
                "\(path): AWS mapping is not used yet; name the public address in static-mappings", at: location(path))
        }
        return .init(
            usesIPv6: reader.boolean(prefix + "use-ipv6"),
            usesLinkLocalAddresses: reader.boolean(prefix + "use-link-local-addresses"),
            allowedAddresses: try addresses(prefix + "allowed-addresses"),
            blockedAddresses: try addresses(prefix + "blocked-addresses"),
            allowedInterfaces: reader.texts(prefix + "allowed-interfaces"),
            blockedInterfaces: reader.texts(prefix + "blocked-interfaces"),
            receiveBufferSize: reader.integer(prefix + "udp.receive-buffer-size"),
            staticMappings: try mappings(prefix + "mapping.static-mappings"), stunServers: servers)
    }

    private func addresses(_ path: String) throws(ConfigurationError) -> [TransportAddress] {
        var result: [TransportAddress] = []
        for text in reader.texts(path) {
            guard let address = TransportAddress(ip: text, port: 0) else {
                throw ConfigurationError(at: location(path), "\(path): \"\(text)\" is not an IP address")
            }
            result.append(address)
        }
        return result
    }

    /// Equal addresses say nothing and are dropped; of equal pairs the first stays (operations.md a.5).
    private func mappings(_ path: String) throws(ConfigurationError) -> [StaticMapping] {
        guard let node = reader.node(path) else { return [] }
        guard case .list(var items) = node.content else {
            throw ConfigurationError(at: node.location, "\(path) must be a list, not \(node.kindName)")
        }
        if let legacy = reader.legacy.mapping { items.append(legacy) }
        guard items.count <= BridgeConfigurationLimits.staticMappings else {
            throw ConfigurationError(
                at: node.location, "\(path) has more than \(BridgeConfigurationLimits.staticMappings) elements")
        }
        var result: [StaticMapping] = []
        for item in items {
            let mapping = try StaticMapping(item)
            if mapping.local == mapping.public { continue }
            if result.contains(where: { $0.local == mapping.local && $0.public == mapping.public }) { continue }
            result.append(mapping)
        }
        return result
    }

    private func dtls() -> BridgeSettings.DTLS {
        let suites = reader.texts("jmt.dtls.cipher-suites")
        return .init(
            handshakeTimeout: reader.duration("jmt.dtls.handshake-timeout"),
            openSSLCipherList: CipherSuites.openSSLList(suites), cipherSuites: suites,
            fingerprintHash: reader.text("jmt.dtls.local-fingerprint-hash-function"),
            acceptedFingerprintHashes: reader.texts("jmt.dtls.accepted-fingerprint-hash-functions"))
    }

    private func keyframes() -> BridgeSettings.Keyframes {
        .init(
            minInterval: reader.duration("jmt.keyframe.min-interval"),
            maxRequests: reader.integer("jmt.keyframe.max-requests"),
            maxRequestInterval: reader.duration("jmt.keyframe.max-request-interval"),
            sourceMinInterval: reader.duration("jmt.keyframe.source-wide-min-interval"),
            sourceMaxRequests: reader.integer("jmt.keyframe.source-wide-max-requests"),
            sourceMaxRequestInterval: reader.duration("jmt.keyframe.source-wide-max-request-interval"))
    }

    private func health() throws(ConfigurationError) -> BridgeSettings.Health {
        let health = BridgeSettings.Health(
            interval: reader.duration("videobridge.health.interval"),
            timeout: reader.duration("videobridge.health.timeout"),
            maxCheckDuration: reader.duration("videobridge.health.max-check-duration"),
            hasStickyFailures: reader.boolean("videobridge.health.sticky-failures"),
            requiresValidAddress: reader.boolean("videobridge.health.require-valid-address"),
            requiresSTUN: reader.boolean("videobridge.health.require-stun"))
        guard health.timeout > health.interval else {
            throw ConfigurationError(
                at: location("videobridge.health.timeout"),
                "videobridge.health.timeout must be longer than videobridge.health.interval")
        }
        return health
    }

    private func load() -> BridgeSettings.Load {
        let prefix = "videobridge.load-management.load-measurements."
        return .init(
            measurement: reader.text(prefix + "load-measurement") == "packet-rate" ? .packetRate : .cpuUsage,
            cpuThreshold: max(reader.number(prefix + "cpu-usage.load-threshold"), 0.001),
            detectsSteal: reader.boolean(prefix + "cpu-usage.detect-cpu-steal"),
            packetRateThreshold: reader.integer(prefix + "packet-rate.load-threshold"),
            averageParticipantStress: reader.number("videobridge.load-management.average-participant-stress"))
    }
}
