// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaPlane
import Primitives
import TestSupport
import Testing

@testable import LoadGenerator

extension CallTests {
    /// Calls with a data channel: participants, a media worker, and the server's side of our SCTP, over real sockets.
    private func channelCall(_ line: String, _ manner: WorkerHub.Manner) throws -> LoadResult {
        let arguments = ("--channel sctp --turn 0 --duration 1 --quiet " + line).split(separator: " ").map(String.init)
        guard case .run(let options) = try LoadOptions.parse(arguments) else { throw LoadError.usage("no run") }
        prepareLibrary()
        let focus = try WorkerFocus(usesOffload: true)
        let hub = WorkerHub(focus.worker, manner)
        focus.hub = hub
        hub.start()
        defer {
            hub.stop()
            focus.worker.stop()
        }
        return try LoadRun(options, focus: focus).run()
    }

    @Test("messages reach all and one over data channels while media flows", arguments: ["", "--passive"])
    func dataChannels(more: String) throws {
        let result = try channelCall("--participants 5 --video-senders 1 \(more)", .proper)
        let channel = result.statistics.channel
        #expect(result.imperfections == [])
        #expect(result.openChannels == 5 && channel.opened == 5 && channel.hellos == 5 && channel.open.count == 5)
        #expect(channel.messagesExpected == 25 && channel.messagesArrived == 25 && channel.messageTransit.count == 25)
        #expect(channel.statsSent == 5 && channel.statsReceived == 20)
    }

    /// The same with WebSockets.
    private func webSocketCall(_ line: String, _ manner: WebSocketHub.Manner) throws -> LoadResult {
        let words = "--channel websocket --turn 0 --duration 1 --quiet --video-senders 0 --join-timeout 1 " + line
        guard case .run(let options) = try LoadOptions.parse(words.split(separator: " ").map(String.init)) else {
            throw LoadError.usage("no run")
        }
        prepareLibrary()
        let focus = try WorkerFocus(usesOffload: true)
        let hub = try WebSocketHub(manner)
        focus.webSocketHub = hub
        defer {
            hub.stop()
            focus.worker.stop()
        }
        return try LoadRun(options, focus: focus).run()
    }

    @Test("messages reach all and one over WebSockets while media flows")
    func webSockets() throws {
        let result = try webSocketCall("--participants 5", .proper)
        let channel = result.statistics.channel
        #expect(result.imperfections == [])
        #expect(result.openChannels == 5 && channel.opened == 5 && channel.hellos == 5 && channel.lateHellos == 0)
        #expect(channel.messagesExpected == 25 && channel.messagesArrived == 25)
        #expect(channel.statsSent == 5 && channel.statsReceived == 20)
    }

    @Test(
        "a WebSocket server that does not answer is told from one that does not greet",
        arguments: [(WebSocketHub.Manner.silent, "no answer to the WebSocket handshake"), (.mute, "no ServerHello")])
    func noWebSocket(manner: WebSocketHub.Manner, reason: String) throws {
        let result = try webSocketCall("--participants 2", manner)
        #expect(!result.hasBegun)
        let line = result.imperfections.first ?? ""
        #expect(line.hasPrefix("no bridge channel was opened: participant "), "\(line)")
        #expect(line.contains(": bridge channel: \(reason)") && line.hasSuffix(" within 1 s"), "\(line)")
    }

    @Test("a WebSocket that is closed in mid-call is named; the media goes on")
    func closedWebSocket() throws {
        let result = try webSocketCall("--participants 2", .rude)
        #expect(result.hasBegun && result.openChannels == 0 && result.connected == 2)
        let reason = "bridge channel: the bridge closed the WebSocket (1001 gone)"
        #expect(result.imperfections.contains { $0.hasSuffix(reason) }, "\(result.imperfections)")
        #expect(result.statistics.lost == 0)
    }

    @Test("several threads and conferences keep their messages apart")
    func threads() throws {
        let result = try channelCall("--conferences 2 --participants 3 --video-senders 0 --threads 2", .proper)
        // The hub knows one conference only: it tells everybody's to everybody.
        #expect(result.statistics.channel.messagesExpected == 2 * 9)
        #expect(result.statistics.channel.messagesArrived == 2 * 9)
        #expect(result.imperfections.contains { $0.hasSuffix("endpoint messages altered") }, "from strangers")
    }

    @Test(
        "a bridge that opens no channel is told from one that does not greet",
        arguments: [
            (WorkerHub.Manner.silent, "no answer to SCTP within 1 s"), (.mute, "no answer to ClientHello within 1 s"),
        ])
    func noChannel(manner: WorkerHub.Manner, reason: String) throws {
        let result = try channelCall("--participants 2 --video-senders 0 --join-timeout 1", manner)
        #expect(!result.hasBegun)
        let line = result.imperfections.first ?? ""
        #expect(line.hasPrefix("no bridge channel was opened: participant "), "\(line)")
        #expect(line.hasSuffix(": bridge channel: \(reason)"), "\(line)")
    }

    @Test("a channel that some do not get is a flaw of a call that goes on")
    func someChannels() throws {
        let result = try channelCall("--participants 3 --video-senders 0 --join-timeout 1", .choosy)
        #expect(result.hasBegun && result.openChannels == 2)
        #expect(result.imperfections.contains("1 of 3 bridge channels not open"))
        #expect(result.imperfections.contains { $0.hasSuffix("bridge channel: no answer to SCTP within 1 s") })
        #expect(result.statistics.lost == 0 && result.statistics.received > 100)
    }

    @Test("a channel that ends in mid-call is named; the media goes on")
    func ended() throws {
        let result = try channelCall("--participants 2 --video-senders 0", .rude)
        #expect(result.hasBegun && result.openChannels == 0 && result.connected == 2)
        let reason = "bridge channel: the bridge aborted the SCTP association"
        #expect(result.imperfections.contains { $0.contains(reason) }, "\(result.imperfections)")
        #expect(result.statistics.lost == 0)
    }

    @Test("messages that come twice are counted")
    func twice() throws {
        let result = try channelCall("--participants 3 --video-senders 0", .stuttering)
        #expect(result.imperfections.contains("9 endpoint messages duplicated"))
    }

    @Test("a bridge that offers no data channel is named before anybody waits")
    func notOffered() throws {
        prepareLibrary()
        let focus = try WorkerFocus(usesOffload: true)
        defer { focus.worker.stop() }
        guard case .run(let options) = try LoadOptions.parse(["--channel=sctp", "--quiet"]) else { return }
        let result = try LoadRun(options, focus: focus).run()
        #expect(!result.hasBegun)
        #expect(
            result.imperfections.first
                == "unusable answer of the bridge: no SCTP port, though a data channel was asked for")
    }
}
