// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import FuzzDriver
import HTTP
import Primitives

@testable import ControlPlane
@testable import WebServer

/// A connection to the private HTTP server: the first byte says how the rest, the client's bytes, is cut into pieces.
///
/// Laws: the same comes out whole and in pieces; a refusal is the last that is answered; the router takes any request;
/// whatever time it is, the connection comes to an end once the client has said its last.
@main struct FuzzHTTP {
    static func main() {
        fuzz { bytes, count in
            let script = input(bytes, count)
            guard let seed = script.first else { return 0 }
            let stream = Array(script.dropFirst())
            let whole = Outcome([stream])
            var pieces: [[UInt8]] = []
            var rest = stream[...]
            var random = Random(seed: UInt64(seed))
            while !rest.isEmpty {
                let size = min(rest.count, random.int(in: 1...(seed % 2 == 0 ? 4 : 64)))
                pieces.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            require(Outcome(pieces) == whole, "pieces mean the same")
            hurry(pieces, &random)
            return 0
        }
    }
}

private let settings = ServerConnection.Settings(
    headTime: .seconds(10), bodyTime: .seconds(30), answerTime: .seconds(10), writeTime: .seconds(30),
    idleTime: .seconds(15))

/// What came out of a connection.
private struct Outcome: Equatable {
    var requests: [Request] = []
    var refusals: [Refusal] = []
    var output: [UInt8] = []

    init(_ pieces: [[UInt8]]) {
        var connection = ServerConnection(settings, at: .zero)
        for piece in pieces {
            connection.handle(piece, at: .zero)
            drain(&connection)
        }
        connection.handleEndOfInput(at: .zero)
        drain(&connection)
        require(connection.isClosed, "it ends")
    }

    private mutating func drain(_ connection: inout ServerConnection) {
        repeat {
            while let event = connection.pollEvent() {
                require(refusals.isEmpty, "nothing behind a refusal")
                switch event {
                case .request(let request):
                    requests.append(request)
                    connection.respond(answer(request), at: .zero)
                case .refusal(let refusal):
                    refusals.append(refusal)
                    connection.respond(Answer(status: refusal.status), at: .zero)
                }
            }
            output += connection.pendingOutput
            connection.didTransmit(connection.pendingOutput.count, at: .zero)
        } while connection.hasEvent
    }

    /// As the server would: through the router.
    private func answer(_ request: Request) -> Answer {
        require(request.body.count <= HTTPLimits.bodyBytes, "bodies have a limit")
        guard let method = HTTPMethod(rawValue: request.method) else { return Answer(status: 405) }
        let switches = BridgeSettings.REST(
            colibri: true, debug: true, drain: true, health: true, prometheus: true, version: true, shutdown: true)
        let action = HTTPRouter(switches: switches, version: "0").action(
            for: HTTPRequest(id: 1, method: method, request))
        guard case .answer(let response) = action else { return Answer(status: 200) }
        return response.answer(allowsAnyOrigin: false, date: "")
    }
}

/// The same bytes while time runs, answers come or do not, and the socket takes what it likes.
private func hurry(_ pieces: [[UInt8]], _ random: inout Random) {
    var now = Timestamp.zero
    var connection = ServerConnection(settings, at: now)
    for piece in pieces {
        now = now + .milliseconds(Int64(random.int(in: 0...8_000)))
        connection.handleTimeout(at: now)
        connection.handle(piece, at: now)
        if let event = connection.pollEvent(), random.int(in: 0...3) > 0 || event != .refusal(.unanswered) {
            connection.respond(Answer(status: 200, body: [1, 2, 3]), at: now)
        }
        connection.didTransmit(random.int(in: 0...400), at: now)
    }
    for _ in 0..<20 {
        guard let due = connection.nextTimeout else { return }
        now = max(now, due)
        connection.handleTimeout(at: now)
        if connection.pollEvent() != nil { connection.respond(Answer(status: 500), at: now) }
        connection.didTransmit(.max, at: now)
    }
    require(connection.isClosed, "time ends every connection")
}
