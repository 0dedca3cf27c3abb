// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import OpenSSL
internal import WebServer

/// What the configuration means for the web thread.
enum WebSetup {
    /// The ports and how WebSockets are served; `nil` when both ports are off.
    /// - Throws: a sentence that names the cause and the cure.
    static func settings(_ settings: BridgeSettings) throws(BridgeFailure) -> WebServerSettings? {
        var web = WebServerSettings()
        web.privateDoor = try door(settings.http)
        web.publicDoor = try door(settings.publicHTTP)
        guard web.privateDoor != nil || web.publicDoor != nil else { return nil }
        web.webSockets = settings.webSockets.map {
            .init(
                serverID: $0.serverID, allowsDeflate: $0.isCompressed, pingInterval: $0.pingInterval,
                idleTime: $0.idleTime)
        }
        return web
    }

    /// Reads a server's certificate and key.
    /// - Throws: what is wrong with which file.
    static func identity(_ tls: BridgeSettings.TLS) throws(BridgeFailure) -> TLSServerIdentity {
        let store = try bytes(tls.path, tls)
        var key: [UInt8]?
        if let path = tls.keyPath { key = try bytes(path, tls) }
        let versions =
            tls.versions.compactMap { $0 == "TLSv1.2" ? .tls12 : $0 == "TLSv1.3" ? .tls13 : nil }
            as [TLSServerIdentity.Version]
        do throws(OpenSSLError) {
            return try TLSServerIdentity(
                store: store, key: key, password: tls.password,
                versions: (versions.min() ?? .tls12)...(versions.max() ?? .tls13))
        } catch {
            throw BridgeFailure("\(tls.setting): \(tls.path): \(error)")
        }
    }

    private static func door(_ server: BridgeSettings.HTTP) throws(BridgeFailure) -> WebServerSettings.Door? {
        guard let port = server.port else { return nil }
        var door = WebServerSettings.Door(host: server.host, port: port)
        if let tls = server.tls { door.identity = try identity(tls) }
        return door
    }

    private static func bytes(_ path: String, _ tls: BridgeSettings.TLS) throws(BridgeFailure) -> [UInt8] {
        switch ConfigurationFile.content(of: path) {
        case .found(let bytes): return bytes
        case .missing: throw BridgeFailure("\(tls.setting): \(path): there is no such file")
        case .folder: throw BridgeFailure("\(tls.setting): \(path) is a folder")
        case .unreadable(let reason): throw BridgeFailure("\(tls.setting): \(path) \(reason)")
        }
    }
}
