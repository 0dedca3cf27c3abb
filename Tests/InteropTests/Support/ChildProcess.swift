// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation

/// A program that a test runs; its two outputs go into files, so that no pipe can fill up. It does not outlive the test
/// program (``Reaper``).
final class ChildProcess {
    private let process = Process()
    private let folder: URL
    private let outputFile: URL
    private let errorFile: URL

    /// Starts `program`.
    /// - Parameter folder: an existing folder for its outputs.
    init(_ program: URL, _ arguments: [String], in folder: URL, environment: [String: String] = [:]) throws {
        self.folder = folder
        let name = program.lastPathComponent + "-" + String(UInt32.random(in: 0...UInt32.max), radix: 16)
        outputFile = folder.appendingPathComponent(name + ".out")
        errorFile = folder.appendingPathComponent(name + ".err")
        for file in [outputFile, errorFile] {
            try Data().write(to: file)
        }
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        process.terminationHandler = { Reaper.forget($0.processIdentifier) }
        try process.run()
        Reaper.watch(process.processIdentifier)
    }

    /// What it has written so far.
    var output: String { (try? String(contentsOf: outputFile, encoding: .utf8)) ?? "" }
    /// What it has complained so far.
    var complaints: String { (try? String(contentsOf: errorFile, encoding: .utf8)) ?? "" }
    /// Its process identifier.
    var processIdentifier: Int32 { process.processIdentifier }
    /// Whether it is still there.
    var isRunning: Bool { process.isRunning }

    /// Waits until it ends by itself; ends it when time is up.
    /// - Returns: its status, or `nil` when it had to be ended.
    func wait(seconds: Double) async -> Int32? {
        let deadline = Date().addingTimeInterval(seconds)
        while process.isRunning {
            if Date() > deadline {
                await end()
                return nil
            }
            try? await Task.sleep(nanoseconds: 20_000_000)
        }
        return process.terminationStatus
    }

    /// Ends it, kindly first.
    func end() async {
        guard process.isRunning else { return }
        process.terminate()
        for _ in 0..<250 where process.isRunning {
            try? await Task.sleep(nanoseconds: 20_000_000)
        }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }
}
