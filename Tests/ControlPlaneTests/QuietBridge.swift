// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import PacketIO
import Primitives
import Testing

@testable import ControlPlane

/// A bridge without XMPP and HTTP on a loop of the test's.
/// - Parameter more: further lines of `jvb.conf`.
func quietBridge(
    _ loop: ControlLoop, _ more: String = "", environment: [String: String] = [:]
) throws -> Bridge {
    let probe = try UDPPort(addresses: [try #require(TransportAddress(ip: "127.0.0.1", port: 0))])
    let port = try #require(probe.boundAddresses.first).port
    _ = consume probe
    let text = """
        videobridge.http-servers.private.port = -1
        videobridge.ice.udp.port = \(port)
        ice4j.harvest.allowed-addresses = ["127.0.0.1"]
        videobridge.health.require-valid-address = false
        videobridge.stats.interval = 20 ms
        \(more)
        """
    var log = Logger()
    log.write = { _ in }
    let settings = try BridgeSettings.load(Array(text.utf8), file: "test").settings
    return try Bridge(settings, version: "test", loop: loop, log: log, environment: environment)
}
