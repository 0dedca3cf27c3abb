// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The bridge as an operator starts it, without a setting about addresses, in a network like a virtual machine's.
@Suite("Daemon: the host's network")
struct DaemonNetworkTests {
    /// Starts the bridge, holds a call, changes the network, holds another one, ends the bridge.
    /// Arguments: bridge, generator, folder with `jvb.conf`. Prints what it has seen.
    private static let life = """
        set -eu
        bridge=$1 generator=$2 folder=$3
        "$bridge" --config "$folder/jvb.conf" 2>"$folder/bridge.log" & pid=$!
        trap 'kill -9 $pid 2>/dev/null || true' EXIT
        wait_for() { # SECONDS COMMAND…
          end=$((SECONDS + $1)); shift
          until "$@" >/dev/null 2>&1; do ((SECONDS < end)) && kill -0 $pid || { echo "gave up: $*"; exit 3; }; sleep 0.1; done
        }
        wait_for 20 curl -sf http://127.0.0.1:8080/about/health
        echo healthy
        call() { "$generator" --rest http://127.0.0.1:8080 --participants 3 --duration 2 --quiet --local "$1"; }
        call 10.20.0.1 && echo "first call was perfect"
        # The cable is plugged in, the tunnel goes.
        ip address add 2001:db8:21::1/64 dev eth1-far nodad
        ip link set eth1-far up
        ip link delete tun0
        wait_for 30 grep -q 'Media uses an address.*2001:db8:21::10' "$folder/bridge.log"
        wait_for 30 grep -q 'is gone.*10.8.0.2' "$folder/bridge.log"
        # Nothing else leads there: the call goes to the address that came.
        ip address delete 2001:db8:20::10/64 dev eth0
        wait_for 30 grep -q 'is gone.*2001:db8:20::10' "$folder/bridge.log"
        call 2001:db8:21::1 && echo "second call was perfect"
        kill $pid
        wait $pid || echo "ended with $?"
        """

    /// Runs the life in a network of its own.
    /// - Returns: what it printed, and the bridge's log.
    private func run(_ configuration: String) async throws -> (seen: [String], log: [String]) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try ("videobridge.apis.rest.enabled = true\n" + configuration + "\n").write(
            to: folder.appendingPathComponent("jvb.conf"), atomically: true, encoding: .utf8)
        let process = try ChildProcess(
            Repository.root.appendingPathComponent("scripts/netns"),
            [
                "bash", "-c", Self.life, "life", Repository.bridge.path,
                Repository.products.appendingPathComponent("viaduct-load").path, folder.path,
            ], in: folder)
        let status = await process.wait(seconds: 120)
        let log = (try? String(contentsOf: folder.appendingPathComponent("bridge.log"), encoding: .utf8)) ?? ""
        let text = process.output + process.complaints
        #expect(status == 0, "\(text)\n\(log)")
        return (process.output.split(separator: "\n").map(String.init), log.split(separator: "\n").map(String.init))
    }

    @Test("it starts with the defaults, serves on all addresses but one that can't be bound, and follows changes")
    func defaults() async throws {
        let (seen, log) = try await run("")
        #expect(
            seen.filter { $0 == "healthy" || $0.contains("perfect") || $0.hasPrefix("ended") } == [
                "healthy", "first call was perfect", "second call was perfect", "ended with 143",
            ])
        let opened = log.filter { $0.contains("Media port is open") }.joined()
        for address in [
            "10.20.0.10:", "198.51.100.10:", "[2001:db8:20::10]:", "172.17.0.1:", "[fd00:17::1]:", "10.8.0.2:",
        ] {
            #expect(opened.contains(address + "10000"), "\(opened)")
        }
        #expect(!log.joined().contains("fe80"))
        let warnings = log.filter { $0.contains("can't be used for media now") }
        #expect(warnings.count == 1 && warnings[0].contains("[2001:db8:21::10]:10000"), "\(warnings)")
    }

    @Test("link-local addresses, where switched on, are bound to their interfaces and offered without a zone")
    func linkLocal() async throws {
        let (seen, log) = try await run("ice4j.harvest.use-link-local-addresses = true")
        #expect(seen.contains("first call was perfect") && seen.contains("ended with 143"))
        // Those of eth0, its far end and the bridge of containers, as soon as the kernel has examined them.
        let bound = log.filter { $0.contains("Media uses an address") || $0.contains("Media port is open") }.joined()
        #expect(bound.components(separatedBy: "[fe80::").count - 1 >= 3, "\(bound)")
        #expect(!log.joined().contains("Invalid argument"))
    }
}
