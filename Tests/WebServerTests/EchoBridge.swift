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

/// A TCP connection that sends what a client library never would.
final class RawClient: Sendable {
    private let descriptor: Int32

    /// - Parameter receiveBuffer: bytes that the kernel takes for us before we read; its choice when `nil`.
    init?(port: UInt16, receiveBuffer: Int32? = nil) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Says that nothing more will be sent.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Everything until the server closes, `ending` arrives, or five seconds of silence.
    func receive(until ending: String? = nil) -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            received += buffer[..<count]
            if let ending, String(decoding: received, as: UTF8.self).contains(ending) { break }
        }
        return String(decoding: received, as: UTF8.self)
    }
}
