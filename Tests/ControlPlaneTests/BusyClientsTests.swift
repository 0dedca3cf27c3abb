// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing
import WebServer

@testable import ControlPlane

@Suite("Bridge with busy HTTP clients")
struct BusyClientsTests {
    @Test("a turn of the control loop answers so many requests, and does not sleep while others wait")
    func share() throws {
        let loop = try ControlLoop()
        let bridge = try quietBridge(loop, "videobridge.http-servers.private.port = 0")
        let port = try #require(bridge.web).port
        let share = ControlPlaneLimits.requestsPerTurn
        let clients = try (0..<3 * share).map { _ in try #require(RawClient(port: port)) }
        for client in clients { client.send("GET /about/version HTTP/1.1\r\nHost: bridge\r\n\r\n") }
        // The web thread hands all of them over.
        usleep(300_000)
        bridge.didWait(at: loop.now)
        usleep(300_000)
        #expect((1...share).contains(clients.count { $0.hasAnswer }))
        var turns = 1
        while !bridge.prepareToWait(), turns < 100 {
            bridge.didWait(at: loop.now)
            turns += 1
        }
        bridge.didWait(at: loop.now)
        usleep(300_000)
        #expect(clients.allSatisfy { $0.hasAnswer })
        #expect(turns >= 3)
    }
}
