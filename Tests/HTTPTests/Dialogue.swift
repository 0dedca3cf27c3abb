// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import HTTP
import Primitives

/// A connection that is fed pieces and answers at once with what it was asked.
struct Dialogue: Equatable {
    /// `GET /path?query:body` of each request, or the name of each refusal.
    var events: [String] = []
    /// Everything that was sent.
    var output: [UInt8] = []
    /// Whether nothing more would be sent.
    var hasEnded = false

    static let settings = ServerConnection.Settings(
        headTime: .seconds(10), bodyTime: .seconds(30), answerTime: .seconds(10), writeTime: .seconds(30),
        idleTime: .seconds(15))

    /// - Parameter perWrite: how many bytes the socket takes at a time.
    init(_ pieces: [[UInt8]], ends: Bool = false, perWrite: Int = .max) {
        var connection = ServerConnection(Self.settings, at: .zero)
        for piece in pieces {
            connection.handle(piece, at: .zero)
            drain(&connection, perWrite)
        }
        if ends {
            connection.handleEndOfInput(at: .zero)
            drain(&connection, perWrite)
        }
        hasEnded = connection.hasOutputEnded
    }

    init(_ text: String, ends: Bool = false) { self.init([Array(text.utf8)], ends: ends) }

    private mutating func drain(_ connection: inout ServerConnection, _ perWrite: Int) {
        repeat {
            while let event = connection.pollEvent() {
                switch event {
                case .request(let request):
                    let query = request.query.isEmpty ? "" : "?" + request.query
                    let text =
                        "\(request.method) \(request.path)\(query):" + String(decoding: request.body, as: UTF8.self)
                    events.append(text)
                    connection.respond(
                        Answer(status: 200, contentType: "text/plain", body: Array(text.utf8)), at: .zero)
                case .refusal(let refusal):
                    events.append("\(refusal)")
                    connection.respond(Answer(status: refusal.status), at: .zero)
                }
            }
            while !connection.pendingOutput.isEmpty {
                let count = min(perWrite, connection.pendingOutput.count)
                output += connection.pendingOutput.prefix(count)
                connection.didTransmit(count, at: .zero)
            }
        } while connection.hasEvent
    }

    var text: String { String(decoding: output, as: UTF8.self) }
    /// The status codes of all answers, 100 too.
    var statuses: [Int] { text.matches(of: #/HTTP/1\.1 (\d{3}) /#).compactMap { Int($0.output.1) } }
}

/// Requests that are right, each with what must come out.
enum ValidRequests {
    static let all: [(text: String, event: String)] = [
        ("GET /about/health HTTP/1.1\r\nHost: bridge:8080\r\n\r\n", "GET /about/health:"),
        ("\r\nGET / HTTP/1.1\r\nhost:bridge\r\nX: \t \r\n\r\n", "GET /:"),
        ("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nab\r\nc", "POST /a:ab\r\nc"),
        ("GET http://b:8080/m?x=1&y=%32+z HTTP/1.1\r\nHost: other\r\nAccept: */*\r\n\r\n", "GET /m?x=1&y=2 z:"),
        (
            "POST /c HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nabcde\r\n00A;n=\"v\" \r\n0123456789\r\n1 ; x\r\n!\r\n0\r\nT: 1\r\n\r\n",
            "POST /c:abcde0123456789!"
        ),
        ("POST /d HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", "POST /d:"),
        (
            "PATCH /e HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\nxyz", "PATCH /e:xyz"
        ),
        ("HEAD /f/./g/../h HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "HEAD /f/h:"),
        ("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "OPTIONS *:"),
        ("PUT /g HTTP/1.9\r\nHost: b\r\nContent-Length: 0\r\nX-Odd!#$%&'*+-.^_`|~: \u{E9}\r\n\r\n", "PUT /g:"),
        ("GET /h HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /h:"),
        ("BREW /pot%20x HTTP/1.1\r\nHost: b\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "BREW /pot x:"),
        ("DELETE HTTPS://b HTTP/1.1\r\nHost: b\r\n\r\n", "DELETE /:"),
    ]

    static var stream: [UInt8] { all.flatMap { Array($0.text.utf8) } }
    static var events: [String] { all.map(\.event) }
}
