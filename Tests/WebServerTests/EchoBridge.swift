// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization
import WebServer

/// A server with a thread in the control loop's place, which answers with what it was asked.
///
/// `/silent` is never answered, `/big` gets three megabytes, `/late` is answered after the server gave up.
final class EchoBridge: Sendable {
    let server: HTTPServer
    private let isStopping = Atomic<Bool>(false)
    private let isStopped = DispatchSemaphore(value: 0)

    init(answerSeconds: Double = 10, bodySeconds: Double = 30) throws {
        server = try HTTPServer.start(
            host: "127.0.0.1", port: 0, answerSeconds: answerSeconds, bodySeconds: bodySeconds)
        let thread = Thread { [self] in serve() }
        thread.start()
    }

    func stop() {
        if isStopping.exchange(true, ordering: .sequentiallyConsistent) { return }
        isStopped.wait()
    }

    var address: String { "http://127.0.0.1:\(server.port)" }

    private func serve() {
        var late: [HTTPRequest] = []
        while !isStopping.load(ordering: .sequentiallyConsistent) {
            var descriptor = pollfd(fd: server.requestsWake, events: Int16(POLLIN), revents: 0)
            poll(&descriptor, 1, 20)
            while let request = server.nextRequest() {
                switch request.path {
                case "/silent": continue
                case "/late": late.append(request)
                case "/big":
                    let body = [UInt8](repeating: UInt8(ascii: "x"), count: 3_000_000)
                    server.respond(HTTPResponse(id: request.id, status: 200, contentType: "text/plain", body: body))
                default: server.respond(echo(request))
                }
                for request in late where request.path != "/late" { server.respond(echo(request)) }
            }
        }
        for request in late { server.respond(echo(request)) }
        server.stop()
        server.stop()
        isStopped.signal()
    }

    private func echo(_ request: HTTPRequest) -> HTTPResponse {
        let text =
            "\(request.method.rawValue) \(request.path) [\(request.query)] accept=\(request.accept ?? "-") "
            + "type=\(request.contentType ?? "-") body=\(request.body.count)"
            + (request.body.count < 100 ? ":" + String(decoding: request.body, as: UTF8.self) : "")
        return HTTPResponse(id: request.id, status: 200, contentType: "text/plain", body: Array(text.utf8))
    }
}

/// Runs curl, a client we did not write, and returns what it printed.
func curl(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/curl")
    process.arguments = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output, as: UTF8.self)
}
