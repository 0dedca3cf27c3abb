// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives

/// Starts bridges as processes and holds calls through them with viaduct-load as a process.
struct Bed {
    /// The bridge's program.
    var bridge: String
    /// What its configuration says in addition.
    var settings = ""
    let load: String
    /// Seconds of a call.
    var seconds: Double
    let directory: String

    static let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    static let http: UInt16 = 18_080
    private static let media: UInt16 = 18_000

    /// The same with another program of the bridge, another setting, or calls of another length.
    func with(bridge: String? = nil, settings: String? = nil, seconds: Double? = nil) -> Bed {
        var result = self
        if let seconds { result.seconds = seconds }
        if let bridge { result.bridge = bridge }
        if let settings { result.settings = settings }
        return result
    }

    /// Starts the bridge; `more` goes into its configuration.
    func startBridge(_ more: String = "") throws(SystemError) -> ChildProcess {
        let path = directory + "/jvb.conf"
        writeFile(
            path,
            """
            videobridge {
              apis.rest.enabled = true
              http-servers.private.port = \(Self.http)
              ice.udp.port = \(Self.media)
              health.require-valid-address = false
            }
            ice4j.harvest.allowed-addresses = ["127.0.0.1"]
            \(settings)
            \(more)

            """)
        return try ChildProcess([bridge, "--config", path], log: directory + "/bridge.log")
    }

    /// The same, and waits until it is healthy.
    func startHealthyBridge() throws -> ChildProcess {
        let process = try startBridge()
        guard secondsUntil(limit: 10, Self.isHealthy) != nil else {
            process.end()
            fatal(
                "\(bridge) does not become healthy:\n"
                    + String(decoding: readFile(directory + "/bridge.log") ?? [], as: UTF8.self))
        }
        usleep(300_000)
        return process
    }

    static func isHealthy() -> Bool { get("/about/health", port: http)?.hasPrefix("HTTP/1.1 200") == true }

    /// Starts viaduct-load against the running bridge; its result goes to `result`.
    func startLoad(
        _ scenario: Scenario, bridge process: ChildProcess, seconds: Double, result: String, priority: Int = 0,
        more: [String] = []
    ) throws(SystemError) -> ChildProcess {
        // On a network the participants would not take turns with the bridge's worker, which stays on processor 0.
        let elsewhere = Self.processors > 1 ? ["taskset", "-c", "1-\(Self.processors - 1)"] : []
        let nice = priority > 0 ? ["nice", "-n", "\(priority)"] : []
        return try ChildProcess(
            elsewhere + nice + [load, "--rest", "http://127.0.0.1:\(Self.http)"] + scenario.arguments
                + [
                    "--duration", decimal(seconds, 1), "--pid", "\(process.pid)", "--json", result, "--profile", "gcm",
                    "--quiet",
                ] + more, log: result + ".log")
    }

    /// What a load that has ended found.
    func outcome(_ child: ChildProcess, result: String) throws -> CallResult {
        let status = child.wait()
        guard status <= 1, let bytes = readFile(result) else {
            fatal(
                "viaduct-load failed with \(status):\n"
                    + String(decoding: readFile(result + ".log") ?? [], as: UTF8.self))
        }
        return CallResult(json: try JSONValue.parse(bytes), metrics: Metrics.read(port: Self.http))
    }

    /// One call through a bridge of its own.
    func call(_ scenario: Scenario, seconds: Double? = nil, more: [String] = []) throws -> CallResult {
        let process = try startHealthyBridge()
        defer { process.end() }
        let result = directory + "/result.json"
        let child = try startLoad(
            scenario, bridge: process, seconds: seconds ?? self.seconds, result: result, more: more)
        return try outcome(child, result: result)
    }

    /// Seconds until `isTrue`, looked at every millisecond.
    func secondsUntil(limit: Double, _ isTrue: () -> Bool) -> Double? {
        let begin = MonotonicClock.now()
        while (MonotonicClock.now() - begin).seconds < limit {
            if isTrue() { return (MonotonicClock.now() - begin).seconds }
            usleep(1_000)
        }
        return nil
    }
}

/// What a call gave.
struct CallResult {
    let json: JSONValue
    /// The bridge's metrics at its end.
    let metrics: [String: Double]

    private func number(_ path: String...) -> Double {
        var value: JSONValue? = json
        for step in path { value = value?[step] }
        return value?.doubleValue ?? .nan
    }

    /// The bridge's processor time per forwarded packet, in microseconds.
    var cost: Double { number("bridge", "cpu_us_per_packet") }
    /// The bridge's share of a processor.
    var share: Double { number("bridge", "cpu_seconds") / number("call_seconds") }
    var seconds: Double { number("call_seconds") }
    var packetsPerSecond: Double { number("received_per_second") }
    /// Participants connected at the end.
    var connected: Double { number("connected") }
    var lost: Double { number("lost") }
    var expected: Double { number("expected") }
    var isPerfect: Bool { json["perfect"]?.boolValue == true }
    var bottleneck: String? { json["generator_bottleneck"]?.stringValue }
    var imperfections: [String] { json["imperfections"]?.arrayValue?.compactMap(\.stringValue) ?? [] }
    /// The bridge's resident memory at the end of the call.
    var residentBytes: Double { number("bridge", "rss_bytes") }
    /// Bytes by which the bridge grew.
    var grownBytes: Double { residentBytes - number("bridge", "rss_bytes_before") }

    /// Kernel messages that the bridge sent per packet that somebody received; not a number where it does not count
    /// them.
    var messagesPerPacket: Double { (metrics["viaduct_send_messages_total"] ?? .nan) / number("received") }

    /// A figure of the bridge channels.
    func channel(_ path: String...) -> Double {
        var value = json["bridge_channel"]
        for step in path { value = value?[step] }
        return value?.doubleValue ?? .nan
    }

    /// A figure of what decoders would have made of the video.
    func pictures(_ name: String) -> Double { number("pictures", name) }

    /// A figure of what was lost and repaired.
    func repair(_ name: String) -> Double { number("repair", name) }

    /// A quantile of transit in milliseconds: `p50`, `p99`, `p999`.
    func transit(_ quantile: String, isVideo: Bool) -> Double {
        number(isVideo ? "video_transit_us" : "audio_transit_us", quantile) / 1_000
    }
}

/// Prometheus text, as far as the benchmarks look at it.
enum Metrics {
    /// The samples without labels.
    static func read(port: UInt16) -> [String: Double] {
        var result: [String: Double] = [:]
        for line in get("/metrics", port: port)?.split(whereSeparator: \.isNewline) ?? [] where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            if words.count >= 2, let value = Double(words[1]) { result[String(words[0])] = value }
        }
        return result
    }
}
