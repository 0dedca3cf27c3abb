// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Foundation
import PacketIO
import Primitives
import ShardMessages
import Testing

@testable import ControlPlane
@testable import MediaPlane

@Suite("Bridge with a worker that does not keep up")
struct WorkerTroubleTests {
    @Test("while the ring is full the loop rests; when there is room the commands go out in their order")
    func fullRing() throws {
        let loop = try ControlLoop()
        let bridge = try quietBridge(loop)
        // From now on the test takes the commands in the worker's place.
        bridge.worker.stop()
        let ring = bridge.worker.mailboxes.commands
        while bridge.worker.send(.describe(number: 0)) {}
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
        let socket = try notificationSocket(path)
        defer {
            close(socket)
            unlink(path)
        }
        let loop = try ControlLoop()
        let bridge = try quietBridge(loop, environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "40000"])
        bridge.pulse.limit = .milliseconds(1_500)
        _ = loop.run(for: .milliseconds(2_500)) { false }
        #expect(bridge.health.result(at: loop.now) == .healthy)
        #expect(watchdogs(socket) > 5)
        bridge.worker.stop()
        #expect(loop.run(for: .seconds(10)) { !bridge.health.result(at: loop.now).isHealthy })
        #expect(bridge.health.result(at: loop.now).reason == "media worker hangs")
        _ = watchdogs(socket)
        _ = loop.run(for: .milliseconds(200)) { false }
        #expect(watchdogs(socket) == 0)
    }

    private func notificationSocket(_ path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        return descriptor
    }

    /// How often the watchdog was fed since the last call.
    private func watchdogs(_ socket: Int32) -> Int {
        var buffer = [UInt8](repeating: 0, count: 256)
        var count = 0
        while case let length = recv(socket, &buffer, buffer.count, 0), length > 0 {
            if String(decoding: buffer[..<length], as: UTF8.self) == "WATCHDOG=1" { count += 1 }
        }
        return count
    }
}
