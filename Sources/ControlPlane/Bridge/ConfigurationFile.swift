// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import Glibc

/// Reads a configuration file and what it includes.
enum ConfigurationFile {
    /// The largest file that is read, in bytes.
    private static let maxBytes = 1 << 20

    /// Reads and checks the file at `path`.
    static func load(_ path: String, environment: [String: String]) throws(ConfigurationError) -> LoadedSettings {
        var notices: [ConfigurationNotice] = []
        let legacy = legacyFile(
            ConfigurationLocation.legacyPath(configuration: path, environment: environment), &notices)
        let bytes: [UInt8]
        switch content(of: path) {
        case .found(let found): bytes = found
        case .missing where legacy != nil:
            bytes = []
            notices.append(ConfigurationNotice(level: .warning, message: "there is no \(path); all else is default"))
        case .missing:
            throw ConfigurationError(
                at: SourceLocation(file: path),
                "there is no such file; name the configuration with --config, or put it there")
        case .folder:
            throw ConfigurationError(
                at: SourceLocation(file: path), "cannot be read: it is a folder; name a file with --config")
        case .unreadable(let reason): throw ConfigurationError(at: SourceLocation(file: path), reason)
        }
        var loaded = try BridgeSettings.load(
            bytes, file: path, environment: environment,
            systemProperties: ConfigurationLocation.systemProperties(environment: environment), legacy: legacy,
            includes: IncludeResolver { name, includingFile in resolve(name, from: includingFile) })
        loaded.notices = notices + loaded.notices
        for file in [path, legacy?.file].compactMap(\.self)
        where !loaded.settings.xmppClients.isEmpty && isReadableByAll(file) {
            loaded.notices.append(
                ConfigurationNotice(
                    level: .warning, message: "\(file) holds a password and everybody may read it; chmod o-r it"))
        }
        for client in loaded.settings.xmppClients {
            guard let file = client.authoritiesFile, access(file, R_OK) != 0 else { continue }
            let reason = String(cString: strerror(errno))
            loaded.notices.append(
                ConfigurationNotice(
                    level: .warning, message: "XMPP client \(client.id): CA_FILE \(file) cannot be read: \(reason)"))
        }
        for tls in [loaded.settings.http.tls, loaded.settings.publicHTTP.tls].compactMap(\.self) {
            do throws(BridgeFailure) { _ = try WebSetup.identity(tls) } catch {
                throw ConfigurationError(at: SourceLocation(file: path), error.description)
            }
        }
        return loaded
    }

    /// The settings of older packages, when there are any.
    private static func legacyFile(_ path: String, _ notices: inout [ConfigurationNotice]) -> LegacyFile? {
        switch content(of: path) {
        case .missing: return nil
        case .found(let bytes):
            notices.append(
                ConfigurationNotice(
                    level: .info, message: "\(path) is read; what it says outranks the newer configuration"))
            return LegacyFile(file: path, bytes: bytes)
        case .folder:
            notices.append(ConfigurationNotice(level: .warning, message: "\(path) is a folder and is not read"))
        case .unreadable(let reason):
            notices.append(ConfigurationNotice(level: .warning, message: "\(path) \(reason)"))
        }
        return nil
    }

    private static func isReadableByAll(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o004 != 0
    }

    /// What there is at a path.
    enum Content {
        case found([UInt8])
        case missing
        case folder
        case unreadable(String)
    }

    /// Names are relative to the including file; the reader itself tries the extensions (operations.md a.2).
    private static func resolve(_ name: String, from includingFile: String) -> IncludeOutcome {
        let folder = includingFile.lastIndex(of: "/").map { String(includingFile[...$0]) } ?? ""
        let path = name.hasPrefix("/") ? name : folder + name
        return switch content(of: path) {
        case .found(let bytes): .found(file: path, bytes: bytes)
        case .missing: .missing
        case .folder: .folder
        case .unreadable(let reason): .unreadable(reason)
        }
    }

    /// Reads a file, but no endless one.
    static func content(of path: String) -> Content {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            return errno == ENOENT ? .missing : .unreadable("cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EISDIR { return .folder }
            if count < 0 { return .unreadable("cannot be read: \(String(cString: strerror(errno)))") }
            // Ends with the file, or at the limit.
            if count == 0 { return .found(bytes) }
            bytes += buffer[..<count]
            if bytes.count > maxBytes { return .unreadable("is longer than \(maxBytes) bytes") }
        }
    }
}
