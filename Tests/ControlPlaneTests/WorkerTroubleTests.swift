// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
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
struct FullRingTests {
    /// A bridge without XMPP and HTTP whose worker has stopped, so that the test takes the commands in its place.
    private func bridge(_ loop: ControlLoop) throws -> Bridge {
        let probe = try UDPPort(addresses: [try #require(TransportAddress(ip: "127.0.0.1", port: 0))])
        let port = try #require(probe.boundAddresses.first).port
        _ = consume probe
        let text = """
            videobridge.http-servers.private.port = -1
            videobridge.ice.udp.port = \(port)
            ice4j.harvest.allowed-addresses = ["127.0.0.1"]
            """
        var log = Logger()
        log.write = { _ in }
        let settings = try BridgeSettings.load(Array(text.utf8), file: "test").settings
        let bridge = try Bridge(settings, version: "test", loop: loop, log: log, environment: [:])
        bridge.worker.stop()
        return bridge
    }

    @Test("while the ring is full the loop rests; when there is room the commands go out in their order")
    func fullRing() throws {
        let loop = try ControlLoop()
        let bridge = try bridge(loop)
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
        // One attempt every two milliseconds, and some turns for what else is due.
        let limit = (MonotonicClock.now() - began).milliseconds
        #expect(turns > 10 && turns < limit, "\(turns) turns in \(limit) ms")

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
}
