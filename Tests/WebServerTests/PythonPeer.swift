// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// `Peers/websocket_peer.py`.
enum PythonPeer {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let python = root.appending(path: ".venv/bin/python")
    /// Whether interpreter, libraries and nginx are installed.
    static let isThere: Bool = {
        let installed = try? String(
            contentsOf: root.appending(path: ".venv/installed-requirements.txt"), encoding: .utf8)
        return installed?.contains("websockets==") == true && access("/usr/sbin/nginx", X_OK) == 0
    }()

    private static func script(_ name: String) -> String {
        root.appending(path: "Tests/InteropTests/Peers/\(name)").path
    }

    static func run(_ library: String, _ url: String, authorities: String? = nil) throws -> String {
        let process = Process()
        process.executableURL = python
        process.arguments =
            [script("websocket_peer.py"), library, url]
            + (authorities.map { [$0] } ?? [])
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Many clients in a process of their own, so that only the server's half lies in our memory.
    final class Crowd {
        private let process = Process()
        private let input = Pipe()

        /// Comes back when all have been heard.
        init(_ count: Int, _ url: String) throws {
            let output = Pipe()
            process.executableURL = PythonPeer.python
            process.arguments = [PythonPeer.script("websocket_crowd.py"), String(count), url]
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            _ = output.fileHandleForReading.availableData
        }

        /// Ends them all.
        func leave() {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
    }
}
