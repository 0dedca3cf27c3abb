// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import MediaPlane
import Primitives
import Telemetry
import Testing

@testable import ControlPlane

@Suite("What the bridge tells about itself")
struct BridgeStatisticsTests {
    @Test("process gauges are told unless they are switched off", arguments: [true, false])
    func processGauges(isEnabled: Bool) throws {
        let loop = try ControlLoop()
        let bridge = try quietBridge(loop, "videobridge.stats.jvm.enabled = \(isEnabled)")
        defer { bridge.workers.stop() }
        #expect((bridge.snapshot(at: loop.now).threads ?? 0 > 1) == isEnabled)
        let names = bridge.presence(at: loop.now).map(\.name)
        #expect(names.contains("threads") == isEnabled)
        let metrics = bridge.metrics(at: loop.now).document.metrics.map(\.name)
        for name in ["thread_count", "jvm_open_fd_count", "resident_memory_bytes"] {
            #expect(metrics.contains(name) == isEnabled, "\(name)")
        }
    }

    @Test("configured labels, drain and filter reach presence")
    func labels() throws {
        let loop = try ControlLoop()
        let bridge = try quietBridge(
            loop,
            """
            videobridge.relay.region = "eu-north"
            videobridge.version.release = "2026-09"
            videobridge.initial-drain-mode = true
            videobridge.apis.xmpp-client.stats-filter.enabled = true
            """)
        defer { bridge.workers.stop() }
        let values = Dictionary(uniqueKeysWithValues: bridge.presence(at: loop.now).map { ($0.name, $0.value) })
        #expect(values["region"] == "eu-north" && values["release"] == "2026-09" && values["version"] == "test")
        #expect(values["drain"] == "true" && values["healthy"] == "true" && values["shutting_down"] == "false")
        #expect(values["conferences"] == nil && values["relay_id"] == nil)
    }
}
