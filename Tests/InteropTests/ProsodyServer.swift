// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// A real Prosody in a folder of its own, with the configuration of control-plane.md 8.2 and free ports.
final class ProsodyServer: Sendable {
    /// What a test changes of the configuration.
    struct Options: Sendable {
        /// Lines of the virtual host.
        var host = "modules_enabled = { \"smacks\" }\nsmacks_hibernation_time = 15"
        /// Lines of the whole server.
        var global = ""
        /// Lines of the room service.
        var rooms = "restrict_room_creation = true\nmuc_room_locking = false"
        /// Members of the `ssl` table, with a comma after each.
        var tls = ""
        var requiresEncryption = true
        var hasCertificate = true
        var users = [("jvb", "jvbpass"), ("focus", "focuspass"), ("other", "otherpass")]
    }

    static let domain = "auth.bridge.test"
    static let mucDomain = "internal.auth.bridge.test"
    static let room = "jvbbrewery@internal.auth.bridge.test"

    let folder: URL
    let port: UInt16
    /// The self-signed certificate, which is its own authority.
    var certificateFile: String { folder.appending(path: "certs/\(Self.domain).crt").path }
    private let process = Mutex<WatchedProcess?>(nil)

    /// Whether tests with Prosody run here. On a build machine (`CI` is set) they must: a missing Prosody is then a
    /// failure, not a skip.
    static let mustRun =
        ["/usr/bin/prosody", "/usr/bin/prosodyctl"].allSatisfy(FileManager.default.isExecutableFile(atPath:))
        || ProcessInfo.processInfo.environment["CI"] != nil

    /// - Parameter port: a free one when `nil`.
    init(_ options: Options = Options(), port: UInt16? = nil) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "viaduct-prosody-\(UUID().uuidString)")
        self.port = try port ?? freePort()
        try FileManager.default.createDirectory(at: folder.appending(path: "data"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(at: folder.appending(path: "certs"), withIntermediateDirectories: true)
        if options.hasCertificate { try makeCertificate() }
        try configuration(options).write(
            to: folder.appending(path: "prosody.cfg.lua"), atomically: true, encoding: .utf8)
        for (user, password) in options.users { try register(user, password) }
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Starts the server and waits until it listens.
    func start() async throws {
        let older = log().utf8.count
        let process = try WatchedProcess(
            "/usr/bin/prosody", ["--config", configurationFile, "-F"], in: folder.path, output: logFile)
        self.process.withLock { $0 = process }
        for _ in 0..<2_000 {
            // Not any server on the port: Prosody goes on without the port when another one has it.
            let news = String(decoding: log().utf8.dropFirst(older), as: UTF8.self)
            if news.contains("Activated service 'c2s' on [127.0.0.1]:\(port)"), canConnect(port: port) { return }
            guard process.status == nil, !news.contains("Failed to open server port") else { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw SetupError(description: "Prosody did not start: \(log())")
    }

    /// Ends the server in order; it says goodbye to its clients.
    func stop() { process.withLock { $0?.terminate() } }

    /// Ends the server as a crash would.
    func kill() { process.withLock { $0?.kill() } }

    /// Waits until the server is gone.
    func waitForEnd() async throws {
        guard let running = process.withLock({ $0 }) else { return }
        guard try await running.wait() != nil else { throw SetupError(description: "Prosody did not end: \(log())") }
    }

    /// Creates an account, or changes its password.
    func register(_ user: String, _ password: String) throws {
        try run("/usr/bin/prosodyctl", "--config", configurationFile, "register", user, Self.domain, password)
    }

    /// What the server has logged.
    func log() -> String {
        (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
    }

    private var logFile: String { folder.appending(path: "prosody.log").path }
    private var configurationFile: String { folder.appending(path: "prosody.cfg.lua").path }

    private func makeCertificate() throws {
        let base = folder.appending(path: "certs/\(Self.domain)").path
        try run(
            "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", base + ".key", "-out", base + ".crt", "-days", "2", "-subj", "/CN=\(Self.domain)", "-addext",
            "subjectAltName=DNS:\(Self.domain)")
    }

    private func configuration(_ options: Options) -> String {
        let tls =
            options.hasCertificate
            ? "ssl = { \(options.tls) key = \"certs/\(Self.domain).key\", certificate = \"certs/\(Self.domain).crt\" }"
            : ""
        return """
            run_as_root = true
            daemonize = false
            log = { { levels = { min = "info" }, to = "console" } }
            data_path = "\(folder.path)/data"
            pidfile = "\(folder.path)/prosody.pid"
            interfaces = { "127.0.0.1" }
            modules_enabled = { "roster", "saslauth", "tls", "disco", "ping" }
            modules_disabled = { "s2s", "offline", "register" }
            c2s_ports = { \(port) }
            c2s_require_encryption = \(options.requiresEncryption)
            allow_unencrypted_plain_auth = false
            authentication = "internal_hashed"
            admins = { "focus@\(Self.domain)", "jvb@\(Self.domain)" }
            component_admins_as_room_owners = true
            \(options.global)
            VirtualHost "\(Self.domain)"
              \(tls)
              \(options.host)
            Component "\(Self.mucDomain)" "muc"
              storage = "memory"
              muc_room_default_public_jids = true
              muc_tombstones = false
              \(options.rooms)
            """
    }

    private func run(_ program: String, _ arguments: String...) throws {
        let output = folder.appending(path: "tools.log").path
        let process = try WatchedProcess(program, arguments, in: folder.path, output: output)
        while process.status == nil { usleep(2_000) }
        guard process.status == 0 else {
            let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            throw SetupError(description: "\(program) \(arguments): \(text)")
        }
    }
}

private func loopbackAddress(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

/// Whether somebody listens on a port of this machine.
func canConnect(port: UInt16) -> Bool {
    let descriptor = connectedSocket(port: port)
    if descriptor >= 0 { close(descriptor) }
    return descriptor >= 0
}

/// A blocking socket connected to a port of this machine, or -1.
func connectedSocket(port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = loopbackAddress(port)
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return -1
}

/// A blocking socket that listens on a port of this machine.
func listeningSocket(port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = loopbackAddress(port)
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard result == 0, listen(descriptor, 16) == 0 else {
        close(descriptor)
        throw SetupError(description: "cannot listen on port \(port)")
    }
    return descriptor
}

extension Trait where Self == ConditionTrait {
    /// The test has a real Prosody.
    static var needsProsody: Self { .enabled(if: ProsodyServer.mustRun, "no prosody: run make bootstrap") }
}
