// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// An HTTP server at a bridge's private address that answers every request alike, or not at all.
final class FakeBridge: Sendable {
    enum Manner: Sendable {
        /// Takes the request and never answers.
        case silence
        /// One byte of an endless head per tenth of a second.
        case drip
        /// This status and body, `ENDPOINT` in it replaced by the endpoint of the request.
        case answer(Int, String)
        /// Hangs up.
        case hangUp
    }

    let port: UInt16
    private let listener: Int32
    private let manner: Manner
    private let isOver = Mutex(false)

    init(_ manner: Manner) throws {
        self.manner = manner
        port = try freePort()
        listener = try listeningSocket(port: port)
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                Thread.detachNewThread { [self] in
                    serve(client)
                    close(client)
                }
            }
            close(listener)
        }
    }

    func stop() {
        isOver.withLock { $0 = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func serve(_ client: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(client, &buffer, buffer.count, 0)
        guard count > 0 else { return }
        switch manner {
        case .hangUp: break
        case .silence: while !isOver.withLock({ $0 }), recv(client, &buffer, buffer.count, 0) > 0 {}
        case .drip:
            while !isOver.withLock({ $0 }), send(client, "H", 1, Int32(MSG_NOSIGNAL)) == 1 { usleep(100_000) }
        case .answer(let status, let body):
            let request = String(decoding: buffer.prefix(count), as: UTF8.self)
            let endpoint = request.firstMatch(of: #/"id":"([0-9a-f]{8})"/#).map { String($0.1) } ?? ""
            let text = body.replacing("ENDPOINT", with: endpoint)
            let answer =
                "HTTP/1.1 \(status) X\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)"
            _ = send(client, answer, answer.utf8.count, Int32(MSG_NOSIGNAL))
        }
    }
}
