// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

// The two HTTP servers and the WebSockets of the public one (operations.md a.4).

extension SettingsLoader {
    /// The server named `name`. A key store turns TLS on, and `tls-port` is then used instead of `port`.
    func http(_ name: String, anywhere: String) throws(ConfigurationError) -> BridgeSettings.HTTP {
        let prefix = "videobridge.http-servers.\(name)."
        guard !reader.boolean(prefix + "need-client-auth") else {
            let path = prefix + "need-client-auth"
            throw ConfigurationError(
                at: location(path),
                "\(path): clients are not asked for certificates yet; take it out, and let a"
                    + " firewall or a proxy in front keep strangers away")
        }
        let host = reader.optionalText(prefix + "host") ?? anywhere
        let tls = try tls(prefix)
        let portPath = prefix + (tls == nil ? "port" : "tls-port")
        let port = reader.integer(portPath)
        if tls == nil, port < 0, reader.written[prefix + "tls-port"] != nil, reader.integer(prefix + "tls-port") >= 0 {
            throw ConfigurationError(
                at: location(prefix + "tls-port"),
                "\(prefix)tls-port needs \(prefix)key-store-path or"
                    + " \(prefix)cert-path; without TLS set \(prefix)port")
        }
        if tls != nil, port < 0, reader.integer(prefix + "port") >= 0 {
            throw ConfigurationError(
                at: location(portPath), "\(portPath) is -1, and with TLS \(prefix)port is not used; set \(portPath)")
        }
        return .init(host: host, port: port >= 0 ? UInt16(clamping: port) : nil, tls: tls)
    }

    private func tls(_ prefix: String) throws(ConfigurationError) -> BridgeSettings.TLS? {
        let (store, certificate) = (prefix + "key-store-path", prefix + "cert-path")
        let key = reader.optionalText(prefix + "key-path")
        let setting = reader.optionalText(store) == nil ? certificate : store
        guard let path = reader.optionalText(setting) else {
            guard key == nil else {
                throw ConfigurationError(at: location(prefix + "key-path"), "\(prefix)key-path needs \(certificate)")
            }
            return nil
        }
        guard setting == certificate || (key == nil && reader.optionalText(certificate) == nil) else {
            throw ConfigurationError(at: location(store), "\(store) and \(certificate): set one of them")
        }
        return .init(
            setting: setting, path: path, keyPath: key, password: reader.optionalText(prefix + "key-store-password"),
            versions: reader.texts(prefix + "tls-protocols"))
    }

    /// The bridge channel over WebSocket.
    mutating func webSockets(_ server: BridgeSettings.HTTP) throws(ConfigurationError) -> BridgeSettings.WebSockets? {
        let prefix = "videobridge.websockets."
        guard reader.boolean(prefix + "enabled") else { return nil }
        let serverID = reader.text(prefix + "server-id")
        guard !serverID.isEmpty, serverID.utf8.allSatisfy(Self.isUnreserved) else {
            let path = prefix + "server-id"
            throw ConfigurationError(
                at: location(path), "\(path) must be of letters, digits and - . _ ~, not \"\(serverID)\"")
        }
        var domains: [String] = []
        for domain in [reader.optionalText(prefix + "domain")].compactMap(\.self) + reader.texts(prefix + "domains")
        where !domain.isEmpty && !domains.contains(domain) { domains.append(domain) }
        let enabled = location(prefix + "enabled")
        if domains.isEmpty {
            reader.warn("\(prefix)enabled: nothing is advertised; name a host:port in \(prefix)domain", at: enabled)
        }
        if server.port == nil {
            reader.warn(
                "\(prefix)enabled: the public HTTP server is off; set videobridge.http-servers.public.port", at: enabled
            )
        }
        let sendsPings = reader.boolean(prefix + "send-keepalive-pings")
        return .init(
            serverID: serverID, domains: domains,
            isSecure: reader.optionalBoolean(prefix + "tls") ?? (server.tls != nil),
            isCompressed: reader.boolean(prefix + "enable-compression"),
            pingInterval: sendsPings ? reader.duration(prefix + "keepalive-ping-interval") : nil,
            idleTime: reader.duration(prefix + "idle-timeout"))
    }

    /// What stands for itself in a URL (RFC 3986 2.3).
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~".utf8.contains(byte)
        }
    }
}
