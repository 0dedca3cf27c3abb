// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives

/// The bridge as a process, loaded by viaduct-load as a process, beside the floor measured in the same minute.
struct EndToEnd {
    let bridge: String
    let load: String
    let prosody: String?
    let seconds: Double
    let rounds: Int
    let directory: String

    static let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    private static let http: UInt16 = 18_080
    private static let media: UInt16 = 18_000
    private static let xmpp: UInt16 = 15_222

    func run() throws {
        heading("Start-up and memory")
        try startUp()
        heading(
            "End to end, µs of processor time per forwarded packet (median of \(rounds) × \(decimal(seconds, 0)) s)"
        )
        print(
            "  " + padded("scenario", 30) + leftPadded("bridge", 9) + leftPadded("floor", 9) + leftPadded("ratio", 8)
                + leftPadded("packets/s", 11) + leftPadded("p50 ms", 9) + leftPadded("p99 ms", 9)
                + leftPadded("floor's", 9)
                + leftPadded("p99.9 ms", 10) + leftPadded("kB/endpoint", 13) + "  perfect")
        var grown: [Double] = []
        for scenario in Scenario.all { grown.append(try measure(scenario)) }
        // The first endpoints also pay for what all share, such as the receive slab's first pages.
        let more = Double(Scenario.all[1].participants - Scenario.all[0].participants)
        line("memory of each further endpoint", decimal((grown[1] - grown[0]) / more / 1_000, 0) + " kB")
    }

    private func configuration(withXMPP: Bool) -> String {
        var text = """
            videobridge {
              apis.rest.enabled = true
              http-servers.private.port = \(Self.http)
              ice.udp.port = \(Self.media)
              health.require-valid-address = false
            }
            ice4j.harvest.allowed-addresses = ["127.0.0.1"]

            """
        if withXMPP {
            text += """
                videobridge.apis.xmpp-client.configs.bench {
                  HOSTNAME = 127.0.0.1, PORT = \(Self.xmpp), DOMAIN = auth.bridge.test, USERNAME = jvb
                  PASSWORD = "jvbpass", MUC_JIDS = "jvbbrewery@internal.auth.bridge.test", MUC_NICKNAME = bench
                  DISABLE_CERTIFICATE_VERIFICATION = true
                }

                """
        }
        return text
    }

    private func startBridge(withXMPP: Bool = false) throws(SystemError) -> ChildProcess {
        let path = directory + "/jvb.conf"
        writeFile(path, configuration(withXMPP: withXMPP))
        return try ChildProcess([bridge, "--config", path], log: directory + "/bridge.log")
    }

    /// Seconds until `isTrue`, looked at every millisecond.
    private func secondsUntil(limit: Double, _ isTrue: () -> Bool) -> Double? {
        let begin = MonotonicClock.now()
        while (MonotonicClock.now() - begin).seconds < limit {
            if isTrue() { return (MonotonicClock.now() - begin).seconds }
            usleep(1_000)
        }
        return nil
    }

    private func answers() -> Bool { get("/about/health", port: Self.http)?.hasPrefix("HTTP/1.1 200") == true }

    private func startUp() throws {
        var times: [Double] = []
        var memory: [Int64] = []
        for _ in 0..<5 {
            let process = try startBridge()
            guard let time = secondsUntil(limit: 10, answers) else { fatal("the bridge does not become healthy") }
            times.append(time)
            usleep(1_500_000)
            memory.append(process.residentBytes)
            process.end()
        }
        line("start to first healthy answer, median of 5", decimal(times.sorted()[2] * 1_000, 1) + " ms")
        line("idle resident memory, median of 5", decimal(Double(memory.sorted()[2]) / 1_048_576, 1) + " MiB")
        guard let prosody else { return }
        let server = try ChildProcess(
            [prosody, directory + "/prosody", "\(Self.xmpp)"], log: directory + "/prosody.log")
        defer { server.end() }
        var joins: [Double] = []
        usleep(4_000_000)
        for _ in 0..<3 {
            let process = try startBridge(withXMPP: true)
            let time = secondsUntil(limit: 10) {
                let lines = get("/metrics", port: Self.http)?.split(separator: "\n") ?? []
                let line = lines.first { $0.hasPrefix("jitsi_jvb_mucs_joined ") }
                return line?.split(separator: " ").last.flatMap { Double($0) } == 1
            }
            process.end()
            if let time { joins.append(time) }
        }
        guard joins.count == 3 else {
            line("start to joined brewery", "the bridge did not join")
            return
        }
        line("start to joined brewery, median of 3", decimal(joins.sorted()[1] * 1_000, 1) + " ms")
    }

    private func line(_ name: String, _ value: String) {
        print("  " + padded(name, 46) + value)
    }

    private struct Round {
        var bridge: Double
        var floor: (cost: Double, p99: Double)
        var json: JSONValue
    }

    /// Prints a scenario's row and gives the bytes the bridge grew by.
    private func measure(_ scenario: Scenario) throws -> Double {
        var rounds: [Round] = []
        for _ in 0..<self.rounds {
            let json = try loadOnce(scenario)
            let sink = try Sink(sockets: scenario.participants)
            var floor = try Floor(scenario, targets: sink.addresses)
            let least = try floor.run(seconds: seconds)
            sink.end()
            rounds.append(
                Round(bridge: json["bridge"]?["cpu_us_per_packet"]?.doubleValue ?? .nan, floor: least, json: json))
        }
        rounds.sort { $0.bridge / $0.floor.cost < $1.bridge / $1.floor.cost }
        let median = rounds[rounds.count / 2]
        report(scenario, median, allPerfect: rounds.allSatisfy { $0.json["perfect"]?.boolValue == true })
        return grownBytes(median.json)
    }

    private func grownBytes(_ json: JSONValue) -> Double {
        let bridge = json["bridge"]
        return (bridge?["rss_bytes"]?.doubleValue ?? 0) - (bridge?["rss_bytes_before"]?.doubleValue ?? 0)
    }

    private func report(_ scenario: Scenario, _ round: Round, allPerfect: Bool) {
        let json = round.json
        let transit = json[scenario.videoBitrate > 0 ? "video_transit_us" : "audio_transit_us"]
        func ms(_ key: String) -> String { decimal((transit?[key]?.doubleValue ?? .nan) / 1_000, 2) }
        var text = "  " + padded(scenario.name, 30)
        text += leftPadded(decimal(round.bridge, 2), 9) + leftPadded(decimal(round.floor.cost, 2), 9)
        text += leftPadded(decimal(round.bridge / round.floor.cost, 2), 8)
        text += leftPadded(decimal(json["received_per_second"]?.doubleValue ?? 0, 0), 11)
        text += leftPadded(ms("p50"), 9) + leftPadded(ms("p99"), 9) + leftPadded(decimal(round.floor.p99, 2), 9)
        text += leftPadded(ms("p999"), 10)
        text += leftPadded(decimal(grownBytes(json) / Double(scenario.participants) / 1_000, 0), 13)
        text += "  " + (allPerfect ? "yes" : "no")
        print(text)
        fflush(nil)
        if let bottleneck = json["generator_bottleneck"]?.stringValue {
            print("    note: the generator was the bottleneck: \(bottleneck)")
        }
    }

    private func loadOnce(_ scenario: Scenario) throws -> JSONValue {
        let process = try startBridge()
        defer { process.end() }
        guard secondsUntil(limit: 10, answers) != nil else { fatal("the bridge does not become healthy") }
        usleep(300_000)
        let result = directory + "/result.json"
        // On a network the participants would not take turns with the bridge's worker, which stays on processor 0.
        let elsewhere = Self.processors > 1 ? ["taskset", "-c", "1-\(Self.processors - 1)"] : []
        let child = try ChildProcess(
            elsewhere + [
                load, "--rest", "http://127.0.0.1:\(Self.http)", "--participants", "\(scenario.participants)",
                "--audio-senders", "\(scenario.senders)",
                "--video-senders", "\(scenario.videoBitrate > 0 ? scenario.senders : 0)",
                "--video-bitrate", "\(max(scenario.videoBitrate, 30_000))", "--duration", decimal(seconds, 1),
                "--pid", "\(process.pid)", "--json", result, "--verify", "sample", "--profile", "gcm", "--quiet",
            ], log: directory + "/load.log")
        let status = child.wait()
        guard status <= 1, let bytes = readFile(result) else {
            fatal("viaduct-load failed:\n" + String(decoding: readFile(directory + "/load.log") ?? [], as: UTF8.self))
        }
        return try JSONValue.parse(bytes)
    }
}
