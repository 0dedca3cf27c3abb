// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import OpenSSL
import Primitives
import Synchronization
import WebServer

/// A server with a public port, and a thread in the control loop's place.
///
/// Lets in whoever's password is `right`; `late` is answered after two seconds, `never` not at all. Sends back what it
/// is told, to all connections when it begins with `all`; `bye` is answered by the end.
final class HubThread: Sendable {
    let server: HTTPServer
    private let isStopping = Atomic<Bool>(false)
    private let isPausing = Atomic<Bool>(false)
    private let isStopped = DispatchSemaphore(value: 0)
    private let log = Mutex(Log())

    /// What the hub was told.
    struct Log: Sendable {
        var requests: [WebSocketRequest] = []
        var texts: [String] = []
        var textCount = 0
        var closed: [UInt64] = []
        var backlogs: [Int] = []
        var open: [UInt64] = []
    }

    init(
        _ webSockets: WebServerSettings.WebSockets? = .init(), identity: TLSServerIdentity? = nil,
        answerSeconds: Double = 10
    ) throws {
        var settings = WebServerSettings(
            privateDoor: .init(host: "127.0.0.1", port: 0),
            publicDoor: .init(host: "127.0.0.1", port: 0, identity: identity), webSockets: webSockets)
        settings.answerSeconds = answerSeconds
        server = try HTTPServer.start(settings)
        let thread = Thread { [self] in serve() }
        thread.start()
    }

    var port: UInt16 { server.publicPort ?? 0 }
    var told: Log { log.withLock { $0 } }

    /// Takes nothing more until it goes on.
    func pause(_ isPaused: Bool) { isPausing.store(isPaused, ordering: .sequentiallyConsistent) }

    /// Sends to all that are open.
    func broadcast(_ text: [UInt8]) -> Bool { server.sendWebSocketText(text, to: told.open) }

    func stop() {
        if isStopping.exchange(true, ordering: .sequentiallyConsistent) { return }
        isStopped.wait()
    }

    /// Waits until what was told satisfies `condition`.
    func wait(seconds: Double = 5, _ condition: (Log) -> Bool) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            if condition(told) { return true }
            usleep(2_000)
        }
        return condition(told)
    }

    private func serve() {
        var late: [(id: UInt64, due: Date)] = []
        while !isStopping.load(ordering: .sequentiallyConsistent) {
            var descriptor = pollfd(fd: server.webSocketsWake, events: Int16(POLLIN), revents: 0)
            poll(&descriptor, 1, 20)
            while let request = server.nextRequest() { server.respond(.text(id: request.id, status: 200, "private")) }
            for (id, due) in late where due < Date() { _ = server.acceptWebSocket(id) }
            late.removeAll { $0.due < Date() }
            while !isPausing.load(ordering: .sequentiallyConsistent), let event = server.nextWebSocketEvent() {
                take(event, &late)
            }
        }
        server.stop()
        isStopped.signal()
    }

    private func take(_ event: WebSocketEvent, _ late: inout [(id: UInt64, due: Date)]) {
        switch event {
        case .request(let request):
            log.withLock { $0.requests.append(request) }
            switch request.password {
            case "right" where request.conference == "c1":
                log.withLock { $0.open.append(request.id) }
                _ = server.acceptWebSocket(request.id)
            case "late": late.append((request.id, Date(timeIntervalSinceNow: 2)))
            case "never": break
            default: server.refuseWebSocket(request.id)
            }
        case .text(let connection, let bytes):
            let text = String(decoding: bytes, as: UTF8.self)
            log.withLock {
                if $0.texts.count < 1_000 { $0.texts.append(text) }
                $0.textCount += 1
            }
            if text == "bye" {
                _ = server.closeWebSocket(connection, code: 1000, reason: "replaced")
            } else if text.hasPrefix("all") {
                _ = broadcast(bytes)
            } else if !text.hasPrefix("quiet") {
                _ = server.sendWebSocketText(bytes, to: [connection])
            }
        case .backlog(_, let bytes): log.withLock { $0.backlogs.append(bytes) }
        case .closed(let connection):
            log.withLock {
                $0.closed.append(connection)
                $0.open.removeAll { $0 == connection }
            }
        }
    }
}
