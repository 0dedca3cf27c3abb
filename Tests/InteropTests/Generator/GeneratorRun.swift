// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation

/// The generator of the same build, run to its end.
struct GeneratorRun {
    /// The exit status; `nil` when it did not end in time.
    let status: Int32?
    /// What it printed, and what it complained.
    let output, complaints: String
    /// How long it took.
    let seconds: Double

    /// Starts it; the process for tests that disturb it meanwhile.
    static func start(_ arguments: [String], in folder: URL) throws -> ChildProcess {
        try ChildProcess(Repository.products.appendingPathComponent("viaduct-load"), arguments, in: folder)
    }

    /// - Parameter limit: seconds after which it is ended.
    init(_ arguments: String..., limit: Double = 60) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = try Self.start(arguments.flatMap { $0.split(separator: " ").map(String.init) }, in: folder)
        await self.init(process, limit: limit)
    }

    /// Waits for the end of a process that runs.
    init(_ process: ChildProcess, limit: Double = 60) async {
        let begin = Date()
        status = await process.wait(seconds: limit)
        seconds = Date().timeIntervalSince(begin)
        output = process.output
        complaints = process.complaints
    }

    /// Its only line; `nil` when it said more or nothing.
    var onlyLine: String? {
        let lines = (output + complaints).split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count == 2 && lines[1].isEmpty ? String(lines[0]) : nil
    }
}
