// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives

/// Start to healthy, start to joined brewery, idle memory.
struct StartUp {
    let bed: Bed
    /// Starts a Prosody; `nil` leaves the brewery out.
    let prosody: String?
    private static let xmpp: UInt16 = 15_222

    func run() throws {
        heading("Start-up and memory")
        var times: [Double] = []
        var memory: [Int64] = []
        for _ in 0..<5 {
            let process = try bed.startBridge()
            guard let time = bed.secondsUntil(limit: 10, Bed.isHealthy) else {
                fatal("the bridge does not become healthy")
            }
            times.append(time)
            usleep(1_500_000)
            memory.append(process.residentBytes)
            process.end()
        }
        line("start to first healthy answer, median of 5", decimal(times.sorted()[2] * 1_000, 1) + " ms")
        line("idle resident memory, median of 5", decimal(Double(memory.sorted()[2]) / 1_048_576, 1) + " MiB")
        if let prosody { try brewery(prosody) }
    }

    private func brewery(_ prosody: String) throws {
        let server = try ChildProcess(
            [prosody, bed.directory + "/prosody", "\(Self.xmpp)"], log: bed.directory + "/prosody.log")
        defer { server.end() }
        let account = """
            videobridge.apis.xmpp-client.configs.bench {
              HOSTNAME = 127.0.0.1, PORT = \(Self.xmpp), DOMAIN = auth.bridge.test, USERNAME = jvb
              PASSWORD = "jvbpass", MUC_JIDS = "jvbbrewery@internal.auth.bridge.test", MUC_NICKNAME = bench
              DISABLE_CERTIFICATE_VERIFICATION = true
            }
            """
        var joins: [Double] = []
        usleep(4_000_000)
        for _ in 0..<3 {
            let process = try bed.startBridge(account)
            let time = bed.secondsUntil(limit: 10) { Metrics.read(port: Bed.http)["jitsi_jvb_mucs_joined"] == 1 }
            process.end()
            if let time { joins.append(time) }
        }
        guard joins.count == 3 else {
            line("start to joined brewery", "the bridge did not join")
            return
        }
        line("start to joined brewery, median of 3", decimal(joins.sorted()[1] * 1_000, 1) + " ms")
    }
}

/// A fact and its figure.
func line(_ name: String, _ value: String) {
    print("  " + padded(name, 46) + value)
    fflush(nil)
}
