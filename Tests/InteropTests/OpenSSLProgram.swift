// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import OpenSSL
import Primitives
import Synchronization

/// The `openssl` program with a key and a certificate of its own, in a directory that goes with it.
final class OpenSSLProgram: Sendable {
    static let path = "/usr/bin/openssl"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }

    /// A call of the program that failed.
    struct Failure: Error {
        var arguments: [String]
    }

    /// SHA-256 of the certificate.
    let fingerprint: [UInt8]
    private let directory: URL
    private let text = Mutex("")

    /// - Parameter key: `ec` for P-256, `rsa` for 2,048 bits.
    init(key: String) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let algorithm = key == "ec" ? ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["rsa:2048"]
        let (pem, keyFile, der) = (
            directory.appendingPathComponent("c.pem").path, directory.appendingPathComponent("k.pem").path,
            directory.appendingPathComponent("c.der")
        )
        try Self.call(
            ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=peer", "-keyout", keyFile, "-out", pem, "-newkey"]
                + algorithm)
        try Self.call(["x509", "-in", pem, "-outform", "DER", "-out", der.path])
        fingerprint = MessageDigest.sha256([UInt8](try Data(contentsOf: der)).rawSpan)
    }

    /// Its certificate in PEM form.
    var certificateFile: String { directory.appendingPathComponent("c.pem").path }

    /// Its key in PEM form.
    var keyFile: String { directory.appendingPathComponent("k.pem").path }

    /// Makes a key and a certificate for a server on this machine, signed by the certificate.
    func certify() throws -> (certificateFile: String, keyFile: String) {
        let (certificate, key) = (
            directory.appendingPathComponent("server.pem").path, directory.appendingPathComponent("server-key.pem").path
        )
        try Self.call(
            [
                "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=server", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-CA", certificateFile, "-CAkey", keyFile, "-addext",
                "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out",
                certificate,
            ])
        return (certificate, key)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// What the running program has printed so far.
    var output: String { text.withLock { $0 } }

    /// Arguments that make it use its certificate and print the exporter's bytes.
    func exporting(_ profile: SRTPProfile) -> [String] {
        [
            "-cert", certificateFile, "-key", directory.appendingPathComponent("k.pem").path, "-keymatexport",
            "EXTRACTOR-dtls_srtp",
            "-keymatexportlen", "\(2 * (profile.keyBytes + profile.saltBytes))",
        ]
    }

    /// Starts the program in the background.
    func run(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        // An end of its input would make the program leave.
        process.standardInput = Pipe()
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let piece = String(decoding: handle.availableData, as: UTF8.self)
            if piece.isEmpty { handle.readabilityHandler = nil }
            self?.text.withLock { $0 += piece }
        }
        try process.run()
        return process
    }

    /// Waits up to 10 s until the program has printed `wanted`.
    func waitForOutput(_ wanted: String) -> Bool {
        for _ in 0..<1_000 {
            if output.contains(wanted) { return true }
            usleep(10_000)
        }
        return false
    }

    private static func call(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(arguments: arguments) }
    }
}
