// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport

/// An nginx in front of a bridge. As long as it is kept, it is started again whenever it has ended, as services are.
final class ReverseProxy: Sendable {
    static let isInstalled = FileManager.default.isExecutableFile(atPath: NginxConfiguration.program)

    private let folder: String
    private let process: Mutex<WatchedProcess>
    private let keeper = Mutex<Task<Void, Never>?>(nil)

    /// Starts it.
    /// - Parameters:
    ///   - folder: an existing folder for its files.
    ///   - http: what stands in its block `http`.
    init(in folder: URL, http: String) throws {
        let path = folder.path
        try NginxConfiguration.text(folder: path, http: http)
            .write(toFile: path + "/nginx.conf", atomically: true, encoding: .utf8)
        self.folder = path
        process = Mutex(try Self.start(in: path))
        let task = Task { [self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(500))
                startAgain()
            }
        }
        keeper.withLock { $0 = task }
    }

    private func startAgain() {
        process.withLock { process in
            guard !Task.isCancelled, process.status != nil, let next = try? Self.start(in: folder) else { return }
            process = next
        }
    }

    private static func start(in folder: String) throws -> WatchedProcess {
        try WatchedProcess(
            NginxConfiguration.program, NginxConfiguration.arguments(folder: folder), in: folder,
            output: folder + "/nginx.log")
    }

    /// The file with the number of its process.
    var numberFile: String { folder + "/nginx.pid" }

    /// What it has logged.
    var log: String { (try? String(contentsOfFile: folder + "/nginx.log", encoding: .utf8)) ?? "" }

    /// Ends it.
    func end() {
        keeper.withLock { $0?.cancel() }
        process.withLock { $0.terminate() }
    }
}
