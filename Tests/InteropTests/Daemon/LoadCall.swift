// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation

/// A call of the generator of the same build, as a process.
final class LoadCall {
    /// What counts of its result.
    struct Outcome: Decodable {
        let perfect: Bool
        let imperfections: [String]
        let received: Int
        let lost: Int
        let altered: Int
    }

    private let process: ChildProcess
    private let resultFile: URL

    /// Starts a call over the bridge's HTTP door.
    convenience init(on daemon: Daemon, seconds: Int, _ arguments: [String] = []) throws {
        try self.init(
            daemon, ["--rest", "http://127.0.0.1:\(daemon.httpPort)", "--duration", "\(seconds)"] + arguments)
    }

    /// Starts a call over an XMPP server.
    convenience init(
        on daemon: Daemon, through prosody: ProsodyServer, seconds: Int, _ arguments: [String] = []
    ) throws {
        try self.init(
            daemon,
            [
                "--xmpp", "127.0.0.1:\(prosody.port)", "--domain", ProsodyServer.domain, "--room", ProsodyServer.room,
                "--user", "focus", "--password", "focuspass", "--bridge", "via-1", "--duration", "\(seconds)",
            ] + arguments)
    }

    private init(_ daemon: Daemon, _ arguments: [String]) throws {
        resultFile = daemon.folder.appendingPathComponent("result-" + UUID().uuidString)
        process = try ChildProcess(
            Repository.products.appendingPathComponent("viaduct-load"),
            // Media alone unless told otherwise: most of these tests stop bridges and servers in mid-call.
            ["--channel", "none"] + arguments + ["--participants", "3", "--quiet", "--json", resultFile.path],
            in: daemon.folder)
    }

    /// What it printed.
    var text: String { process.output + process.complaints }
    var isRunning: Bool { process.isRunning }

    /// Ends it at once, as a crash would.
    func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

    /// Waits for its end.
    func wait(seconds: Double = 60) async -> Int32? { await process.wait(seconds: seconds) }

    /// Its verdict, once it has ended.
    func outcome() throws -> Outcome {
        try JSONDecoder().decode(Outcome.self, from: try Data(contentsOf: resultFile))
    }
}
