// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Foundation
import PacketIO
import Primitives
import ShardMessages
import TestSupport
import Testing
import WebServer

@testable import ControlPlane
@testable import MediaPlane

@Suite("Bridge with a worker that does not keep up")
struct WorkerTroubleTests {
    @Test("while the ring is full the loop rests; when there is room the commands go out in their order")
    func fullRing() throws {
        let loop = try ControlLoop()
        let bridge = try quietBridge(loop)
        // From now on the test takes the commands in the worker's place.
        bridge.workers.stop()
        let ring = bridge.workers.first.mailboxes.commands
        while bridge.workers.first.send(.describe(number: 0)) {}
        for number in 1...3 as ClosedRange<UInt64> {
            var create = ConferenceModify(meetingID: "m\(number)")
            create.isCreate = true
            bridge.directory.handle(create, token: RequestToken(number), at: loop.now)
        }
        bridge.settle(at: loop.now)
        var turns = 0
        let began = MonotonicClock.now()
        _ = loop.run(for: .milliseconds(200)) {
            turns += 1
            return false
        }
        // One attempt every two milliseconds, and the statistics every twenty.
        let limit = (MonotonicClock.now() - began).milliseconds
        #expect(turns > 3 && turns < limit, "\(turns) turns in \(limit) ms")

        var requests: [UInt64] = []
        let isDone = loop.run(for: .seconds(10)) {
            while let command = ring.pop() {
                if case .request(let request) = command { requests.append(request.number) }
            }
            return requests.count == 3
        }
        #expect(isDone)
        #expect(requests == requests.sorted() && Set(requests).count == 3, "\(requests)")
    }

    @Test("a worker that hangs makes the bridge unhealthy and the watchdog hungry; one that only rests does not")
    func hangingWorker() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "viaduct-\(UUID().uuidString)").path
        let manager = try #require(NotificationSocket(path))
        func feeds() -> Int { manager.takeMessages().count { $0 == "WATCHDOG=1" } }
        let loop = try ControlLoop()
        let bridge = try quietBridge(loop, environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "40000"])
        bridge.workers.setStallLimit(.milliseconds(1_500))
        _ = loop.run(for: .milliseconds(2_500)) { false }
        #expect(bridge.clock.health.result(at: loop.now) == .healthy)
        #expect(feeds() > 5)
        bridge.workers.stop()
        #expect(loop.run(for: .seconds(10)) { !bridge.clock.health.result(at: loop.now).isHealthy })
        #expect(bridge.clock.health.result(at: loop.now).reason == "media worker hangs")
        _ = feeds()
        _ = loop.run(for: .milliseconds(200)) { false }
        #expect(feeds() == 0)
    }

    @Test("so does a web thread that hangs, though calls go on and health says so")
    func hangingWebThread() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "viaduct-\(UUID().uuidString)").path
        let manager = try #require(NotificationSocket(path))
        func feeds() -> Int { manager.takeMessages().count { $0 == "WATCHDOG=1" } }
        let loop = try ControlLoop()
        let bridge = try quietBridge(
            loop, "videobridge.http-servers.private.port = 0",
            environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "40000"])
        bridge.webPulse.limit = .milliseconds(1_500)
        _ = loop.run(for: .milliseconds(2_500)) { false }
        #expect(bridge.webPulse.isAlive)
        #expect(feeds() > 5)
        try #require(bridge.web).stop()
        #expect(loop.run(for: .seconds(10)) { !bridge.webPulse.isAlive })
        #expect(bridge.clock.health.result(at: loop.now) == .healthy)
        _ = feeds()
        _ = loop.run(for: .milliseconds(200)) { false }
        #expect(feeds() == 0)
    }
}
