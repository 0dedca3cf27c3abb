// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension RealPeers {
    @Suite("Privileges")
    struct PrivilegesTests {
        @Test("the bridge runs as an ordinary user, and the unit gives it low ports and nothing else")
        func ordinaryUser() async throws {
            let unit = try String(
                contentsOf: Repository.root.appendingPathComponent("systemd/viaduct.service"), encoding: .utf8)
            #expect(unit.contains("\nUser=jvb\n"))
            #expect(unit.contains("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"))
            #expect(unit.contains("\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"))
            #expect(unit.contains("\nNoNewPrivileges=yes\n"))

            try await withBridge(asNobody: getuid() == 0) { bridge in
                #expect(await bridge.get("/about/health")?.status == 200)
                let status = try String(contentsOfFile: "/proc/\(bridge.processIdentifier)/status", encoding: .utf8)
                #expect(status.contains("\nUid:\t"))
                #expect(!status.contains("\nUid:\t0\t"))
            }
        }
    }
}
