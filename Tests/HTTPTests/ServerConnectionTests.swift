// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import HTTP
import Primitives
import Testing

@Suite("HTTP server connection")
struct ServerConnectionTests {
    private let request = "GET /a HTTP/1.1\r\nHost: b\r\n\r\n"

    private func connection(_ text: String = "") -> ServerConnection {
        var connection = ServerConnection(Dialogue.settings, at: .zero)
        if !text.isEmpty { connection.handle(Array(text.utf8), at: .zero) }
        return connection
    }

    private func transmit(_ connection: inout ServerConnection, at now: Timestamp = .zero) -> String {
        let text = String(decoding: connection.pendingOutput, as: UTF8.self)
        connection.didTransmit(connection.pendingOutput.count, at: now)
        return text
    }

    private let second = Timestamp.zero + .seconds(1)

    // MARK: Order

    @Test("a pipelined request waits until the answer before it has left")
    func oneAtATime() {
        var connection = connection(request + "GET /b HTTP/1.1\r\nHost: b\r\n\r\n")
        guard case .request(let first)? = connection.pollEvent() else { return #expect(Bool(false)) }
        #expect(first.path == "/a")
        #expect(connection.pollEvent() == nil)
        #expect(connection.standing == .answering)
        connection.respond(Answer(status: 200), at: .zero)
        #expect(connection.pollEvent() == nil)
        #expect(connection.standing == .writing)
        connection.didTransmit(3, at: .zero)
        #expect(connection.pollEvent() == nil)
        _ = transmit(&connection)
        guard case .request(let next)? = connection.pollEvent() else { return #expect(Bool(false)) }
        #expect(next.path == "/b")
    }

    @Test("while a request is answered only so much is read ahead, and it is not lost")
    func readAhead() {
        var connection = connection(request)
        _ = connection.pollEvent()
        let many = Array(String(repeating: "GET /n HTTP/1.1\r\nHost: b\r\n\r\n", count: 1_000).utf8)
        connection.handle(many[..<HTTPLimits.inputBytes], at: .zero)
        #expect(!connection.wantsInput)
        var answered = 0
        repeat {
            connection.respond(Answer(status: 204), at: .zero)
            answered += 1
            _ = transmit(&connection)
        } while connection.pollEvent() != nil
        #expect(connection.wantsInput)
        #expect(answered == 1 + HTTPLimits.inputBytes / 28)
    }

    @Test("what is said when nothing is to be answered, or twice, changes nothing")
    func outOfTurn() {
        var connection = connection()
        connection.respond(Answer(status: 200), at: .zero)
        connection.refuseRequest(.busy, at: .zero)
        connection.didTransmit(5, at: .zero)
        #expect(connection.pendingOutput.isEmpty && connection.pollEvent() == nil && !connection.isClosed)
        connection.handle(Array(request.utf8), at: .zero)
        _ = connection.pollEvent()
        connection.refuseRequest(.busy, at: .zero)
        #expect(connection.pollEvent() == nil)
        connection.respond(Answer(status: 200), at: .zero)
        connection.respond(Answer(status: 500), at: .zero)
        #expect(!transmit(&connection).contains("500"))
    }

    // MARK: Expectations

    @Test("100 Continue is sent as soon as the headers are right, and only when a body is to come")
    func expectation() {
        let head = "POST /x HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\n"
        var waiting = connection(head + "Content-Length: 2\r\n\r\n")
        #expect(transmit(&waiting) == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(waiting.standing == .readingBody)
        waiting.handle(Array("ab".utf8), at: .zero)
        #expect(waiting.pollEvent() != nil)
        var chunked = connection(head + "Transfer-Encoding: chunked\r\n\r\n")
        #expect(transmit(&chunked) == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(connection(head + "Content-Length: 0\r\n\r\n").pendingOutput.isEmpty)
        #expect(connection(head + "Content-Length: 1048577\r\n\r\n").pendingOutput.isEmpty)
        // HTTP/1.0 does not know it.
        let old = "POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        #expect(connection(old).pendingOutput.isEmpty)
    }

    // MARK: Keep-alive

    @Test(
        "a connection is kept as the version and the Connection header say",
        arguments: [
            ("HTTP/1.1\r\nHost: b\r\n", true), ("HTTP/1.1\r\nHost: b\r\nConnection: close\r\n", false),
            ("HTTP/1.1\r\nHost: b\r\nConnection: x, Close\r\n", false), ("HTTP/1.0\r\n", false),
            ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
            ("HTTP/1.0\r\nConnection: keep-alive, close\r\n", false),
            ("HTTP/1.1\r\nHost: b\r\nConnection: keep-alive\r\nConnection: close\r\n", false),
        ])
    func keepAlive(_ lines: String, _ isKept: Bool) {
        var connection = connection("GET / " + lines + "\r\n")
        _ = connection.pollEvent()
        connection.respond(Answer(status: 200), at: .zero)
        let text = transmit(&connection)
        #expect(text.contains(isKept ? "Connection: keep-alive\r\n" : "Connection: close\r\n"))
        #expect(connection.hasOutputEnded != isKept)
        #expect(connection.standing == (isKept ? .idle : .lingering))
    }

    // MARK: Ends

    @Test("a client that has said its last is still answered, then it is over")
    func halfClose() {
        var connection = connection(request + request)
        connection.handleEndOfInput(at: .zero)
        #expect(!connection.wantsInput)
        for isLast in [false, true] {
            #expect(connection.pollEvent() != nil)
            connection.respond(Answer(status: 200), at: .zero)
            #expect(transmit(&connection).contains("Connection: close") == isLast)
        }
        #expect(connection.isClosed && connection.nextTimeout == nil)
        connection.handle(Array(request.utf8), at: .zero)
        #expect(connection.pollEvent() == nil)
    }

    @Test("a client that goes away before a request leaves no trace; within one it gets 400")
    func earlyEnd() {
        var idle = connection()
        idle.handleEndOfInput(at: .zero)
        #expect(idle.isClosed)
        for text in ["G", "\r", "POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\na"] {
            #expect(Dialogue(text, ends: true).events == ["endsEarly"])
            #expect(Dialogue(text, ends: true).statuses == [400])
        }
    }

    @Test("after the last answer the rest is passed over for a while, so that no reset takes the answer")
    func lingering() {
        var connection = connection("BAD\r\n")
        _ = connection.pollEvent()
        connection.respond(Answer(status: 400), at: .zero)
        _ = transmit(&connection)
        #expect(connection.hasOutputEnded && !connection.isClosed && connection.wantsInput)
        connection.handle([UInt8](repeating: 0x61, count: 100_000), at: .zero)
        #expect(!connection.isClosed && connection.pollEvent() == nil)
        var patient = connection
        patient.handleTimeout(at: .zero + .seconds(2))
        #expect(patient.isClosed)
        var flooded = connection
        flooded.handle([UInt8](repeating: 0x61, count: 4 << 20), at: .zero)
        #expect(flooded.isClosed)
        connection.handleEndOfInput(at: .zero)
        #expect(connection.isClosed)
    }

    // MARK: Time

    @Test("an idle connection is closed in silence")
    func idle() {
        var connection = connection()
        connection.handleTimeout(at: .zero + .milliseconds(14_999))
        #expect(!connection.isClosed)
        connection.handleTimeout(at: .zero + .seconds(15))
        #expect(connection.isClosed && connection.pendingOutput.isEmpty && connection.pollEvent() == nil)
    }

    @Test("headers that trickle are cut off with 408, however steadily they come")
    func slowHead() {
        var connection = connection()
        for step in 0..<20 {
            let now = second + .milliseconds(Int64(step) * 500)
            connection.handle([UInt8(ascii: "G")], at: now)
            connection.handleTimeout(at: now)
            #expect(connection.pollEvent() == nil, "after \(step) steps")
        }
        #expect(connection.nextTimeout == second + .seconds(10))
        connection.handleTimeout(at: second + .seconds(10))
        #expect(connection.pollEvent() == .refusal(.tooSlow))
    }

    @Test("a body that trickles is cut off with 408; the next request has all its time")
    func slowBody() {
        let head = "POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 9\r\n\r\na"
        var connection = connection(head)
        connection.handle(Array("b".utf8), at: .zero + .seconds(29))
        connection.handleTimeout(at: .zero + .seconds(30))
        #expect(connection.pollEvent() == .refusal(.tooSlow))
        connection = self.connection(head)
        connection.handle(Array("23456789".utf8), at: .zero + .seconds(29))
        #expect(connection.pollEvent() != nil)
        connection.respond(Answer(status: 200), at: .zero + .seconds(29))
        _ = transmit(&connection, at: .zero + .seconds(29))
        connection.handle(Array(head.utf8), at: .zero + .seconds(40))
        #expect(connection.nextTimeout == .zero + .seconds(70))
    }

    @Test("a request without an answer gets 503 and the connection lives on; the late answer is not taken")
    func unanswered() {
        var connection = connection(request)
        _ = connection.pollEvent()
        connection.handleTimeout(at: .zero + .seconds(10))
        #expect(connection.pollEvent() == .refusal(.unanswered))
        connection.respond(Answer(status: 503), at: .zero + .seconds(10))
        #expect(transmit(&connection, at: .zero + .seconds(10)).contains("Connection: keep-alive"))
        connection.respond(Answer(status: 200), at: .zero + .seconds(11))
        #expect(connection.pendingOutput.isEmpty && connection.standing == .idle)
    }

    @Test("an answer that is not taken in time ends the connection")
    func slowReader() {
        var connection = connection(request)
        _ = connection.pollEvent()
        connection.respond(Answer(status: 200, body: [1, 2, 3]), at: second)
        connection.didTransmit(10, at: second + .seconds(29))
        connection.handleTimeout(at: second + .seconds(29))
        #expect(!connection.isClosed)
        connection.handleTimeout(at: second + .seconds(30))
        #expect(connection.isClosed)
    }

    @Test("a request can be refused while it arrives")
    func busy() {
        var connection = connection("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 9\r\n\r\nabc")
        #expect(connection.bodyBytes == 3)
        connection.refuseRequest(.busy, at: .zero)
        #expect(connection.pollEvent() == .refusal(.busy))
        #expect(connection.bodyBytes == 0)
        connection.respond(Answer(status: 503), at: .zero)
        #expect(transmit(&connection).contains("Connection: close"))
    }
}
