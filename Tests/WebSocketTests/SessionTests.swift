// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import Zlib

@testable import WebSocket

@Suite("WebSocket, session")
struct SessionTests {
    private func frame(_ text: String) -> [UInt8] { FrameWriter.frame(.text, Array(text.utf8)) }

    @Test("messages of one turn leave in one piece, behind a control frame")
    func gathering() throws {
        var conversation = try Conversation(opening: Array("101".utf8))
        #expect(Array(conversation.session.pendingOutput) == Array("101".utf8))
        conversation.transmit(at: .zero)
        conversation.output = []
        #expect(!conversation.session.wantsGathering)
        let sent = conversation.session.send(frame("a"))
        #expect(sent && conversation.session.wantsGathering && conversation.session.pendingOutput.isEmpty)
        _ = conversation.session.send(frame("b"))
        conversation.session.gather()
        #expect(Array(conversation.session.pendingOutput) == frame("a") + frame("b"))
        // What comes while that leaves waits behind it.
        _ = conversation.session.send(frame("c"))
        #expect(!conversation.session.wantsGathering)
        conversation.transmit(at: .zero)
        #expect(conversation.output == frame("a") + frame("b") + frame("c"))
        #expect(!conversation.session.wantsGathering && conversation.session.backlogBytes == 0)
        conversation.output = []
        _ = conversation.session.send(frame("d"))
        conversation.receive(Client.frame(9, [1]))
        #expect(conversation.output == FrameWriter.frame(.pong, [1]) + frame("d"))
    }

    @Test("a client that takes nothing has a limit; what was taken before still reaches it, in order")
    func backlog() throws {
        var conversation = try Conversation(opening: [9])
        let kilobyte = FrameWriter.frame(.text, [UInt8](repeating: 65, count: 1_020))
        var count = 0
        while conversation.session.send(kilobyte), count < 10_000 { count += 1 }
        #expect(conversation.session.backlogBytes <= WebSocketLimits.backlogBytes)
        #expect(conversation.session.backlogBytes > WebSocketLimits.backlogBytes - 2_000)
        // The socket takes odd pieces.
        var now = Timestamp.zero
        var received: [UInt8] = []
        while conversation.session.backlogBytes > 0 {
            now = now + .milliseconds(5)
            conversation.session.gather()
            #expect(conversation.session.pendingOutput.count < 20_000)
            let piece = conversation.session.pendingOutput.prefix(777)
            received += piece
            conversation.session.didTransmit(piece.count, at: now)
        }
        #expect(received.count == 1 + count * kilobyte.count)
        #expect(Client.frames(Array(received.dropFirst()))?.count == count)
    }

    @Test("we say goodbye first: the number and the text, then the client's answer ends it")
    func closing() throws {
        var conversation = try Conversation()
        _ = conversation.session.send(frame("last"))
        conversation.session.close(CloseReason(1000, "replaced"), at: .zero)
        conversation.session.close(CloseReason(1001, "too late"), at: .zero)
        let sent = conversation.session.send(frame("behind"))
        #expect(sent)
        conversation.transmit(at: .zero)
        #expect(conversation.output == frame("last") + FrameWriter.frame(.close, CloseReason(1000, "replaced").payload))
        #expect(!conversation.session.isOpen && !conversation.session.isClosed)
        conversation.receive(Client.text("crossing"))
        #expect(conversation.texts.isEmpty)
        conversation.receive(Client.close(1000))
        #expect(conversation.session.isClosed)
        #expect(conversation.session.closeReason == CloseReason(1000, "replaced"))
    }

    @Test("a client that does not answer our goodbye is left after two seconds")
    func unansweredClose() throws {
        var conversation = try Conversation()
        conversation.session.close(CloseReason(1000), at: .zero)
        conversation.transmit(at: .zero)
        #expect(conversation.session.nextTimeout == .zero + .seconds(2))
        conversation.session.handleTimeout(at: .zero + .seconds(1))
        #expect(!conversation.session.isClosed)
        conversation.session.handleTimeout(at: .zero + .seconds(2))
        #expect(conversation.session.isClosed)
    }

    @Test("the client says goodbye: it gets its number back, and that is the end", arguments: [1000, 1001, 3000, 4999])
    func closedByClient(_ code: UInt16) throws {
        var conversation = try Conversation()
        conversation.receive(Client.close(code, "bye") + Client.text("behind"))
        #expect(conversation.output == FrameWriter.frame(.close, [UInt8(code >> 8), UInt8(code & 0xFF)]))
        #expect(conversation.session.isClosed && conversation.texts.isEmpty)
        #expect(conversation.session.closeReason == CloseReason(code, "bye"))
        #expect(!conversation.session.isViolated)
        var silent = try Conversation()
        silent.receive(Client.frame(8))
        #expect(silent.output == [0x88, 0])
        #expect(silent.session.closeReason == CloseReason(1005))
    }

    @Test("a connection that breaks off is over")
    func brokenOff() throws {
        var conversation = try Conversation()
        conversation.receive(Array(Client.text("half").prefix(4)))
        conversation.session.handleEndOfInput()
        #expect(conversation.session.isClosed && conversation.session.closeReason == CloseReason(1006))
    }

    @Test("a quiet client is pinged each fifteen seconds and closed after sixty, whatever is sent to it meanwhile")
    func keepAlive() throws {
        var conversation = try Conversation()
        var pings = 0
        var now = Timestamp.zero
        while conversation.session.isOpen {
            now = try #require(conversation.session.nextTimeout)
            conversation.session.handleTimeout(at: now)
            // Statistics flow all the time; they tell nothing about the client.
            _ = conversation.session.send(frame("{}"))
            conversation.output = []
            conversation.transmit(at: now)
            if conversation.output.starts(with: [0x89, 0]) { pings += 1 }
        }
        #expect(pings == 3 && now == .zero + .seconds(60))
        #expect(conversation.sentClose == CloseReason(1001, "idle timeout"))
    }

    @Test("a client that answers pings stays, one that talks is not pinged")
    func alive() throws {
        var conversation = try Conversation()
        var now = Timestamp.zero
        for _ in 0..<100 {
            now = try #require(conversation.session.nextTimeout)
            conversation.session.handleTimeout(at: now)
            conversation.receive(Client.frame(10), at: now)
        }
        #expect(conversation.session.isOpen && now == .zero + .seconds(1_500))
        conversation.output = []
        for _ in 0..<100 {
            now = now + .seconds(14)
            conversation.session.handleTimeout(at: now)
            conversation.receive(Client.text("{}"), at: now)
        }
        #expect(conversation.output.isEmpty)
    }

    @Test("without pings a connection is quiet only when neither side says anything")
    func noPings() throws {
        var conversation = try Conversation(settings: .init(pingInterval: nil))
        #expect(conversation.session.nextTimeout == .zero + .seconds(60))
        _ = conversation.session.send(frame("{}"))
        conversation.transmit(at: .zero + .seconds(51))
        #expect(conversation.session.nextTimeout == .zero + .seconds(111))
        conversation.session.handleTimeout(at: .zero + .seconds(111))
        #expect(!conversation.session.isOpen)
    }

    @Test("between messages nothing lies on the heap but what waits to be sent")
    func small() {
        #expect(MemoryLayout<WebSocketSession>.size < 400)
    }
}
