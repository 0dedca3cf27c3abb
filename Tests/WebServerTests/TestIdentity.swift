// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import OpenSSL

/// Certificates made by the openssl program.
enum TestIdentity {
    /// A folder with `cert.pem`, `key.pem`, `both.pem`, `store.p12` (password `secret`) and `locked.pem` (likewise).
    static func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viaduct-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let script = """
            set -e; cd '\(folder.path)'
            openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 \
              -addext subjectAltName=IP:127.0.0.1,DNS:localhost
            cat cert.pem key.pem > both.pem
            openssl pkcs12 -export -in cert.pem -inkey key.pem -out store.p12 -passout pass:secret
            openssl rsa -aes256 -in key.pem -out locked.pem -passout pass:secret
            openssl ecparam -name prime256v1 -genkey -noout -out other.pem
            """
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return folder
    }

    /// A self-signed one.
    static func make() throws -> TLSServerIdentity {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        return try load(folder)
    }

    /// The one in a folder.
    static func load(_ folder: URL) throws -> TLSServerIdentity {
        try TLSServerIdentity(store: Array(Data(contentsOf: folder.appending(path: "both.pem"))))
    }
}
