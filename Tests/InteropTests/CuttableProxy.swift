// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A TCP relay on this machine that a test can cut (connections are closed, new ones refused) or freeze (nothing passes
/// and nobody is told).
final class CuttableProxy: Sendable {
    private struct State {
        var isCut = false
        var isFrozen = false
        var isOver = false
        var sockets: Set<Int32> = []
    }

    let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    init(target: UInt16) throws {
        self.target = target
        port = try freePort()
        listener = try listeningSocket(port: port)
    }

    /// Begins to relay.
    func start() {
        Thread.detachNewThread { [self] in accept() }
    }

    /// Closes all connections and those that come.
    func cut() {
        state.withLock { state in
            state.isCut = true
            for descriptor in state.sockets { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Holds everything back without closing.
    func freeze() { state.withLock { $0.isFrozen = true } }

    /// Lets everything pass again.
    func mend() {
        state.withLock { state in
            state.isCut = false
            state.isFrozen = false
        }
    }

    /// Ends the relay.
    func stop() {
        cut()
        state.withLock { $0.isOver = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accept() {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            guard client >= 0, !state.withLock({ $0.isOver }) else { break }
            let server = state.withLock({ $0.isCut }) ? -1 : connectedSocket(port: target)
            guard server >= 0 else {
                close(client)
                continue
            }
            state.withLock { $0.sockets.formUnion([client, server]) }
            let pair = Pair(client: client, server: server)
            Thread.detachNewThread { [self] in pump(from: pair.client, to: pair.server, pair) }
            Thread.detachNewThread { [self] in pump(from: pair.server, to: pair.client, pair) }
        }
        close(listener)
    }

    /// Closes both sockets when both directions have ended.
    private final class Pair: Sendable {
        let client: Int32
        let server: Int32
        private let openDirections = Mutex(2)

        init(client: Int32, server: Int32) {
            self.client = client
            self.server = server
        }

        func endDirection() -> Bool {
            openDirections.withLock { count in
                count -= 1
                return count == 0
            }
        }
    }

    private func pump(from source: Int32, to destination: Int32, _ pair: Pair) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            while state.withLock({ $0.isFrozen && !$0.isCut }) { usleep(2_000) }
            guard count > 0, !state.withLock({ $0.isCut }) else {
                // The other direction may still have last words to carry, unless all is cut.
                shutdown(destination, Int32(SHUT_WR))
                break
            }
            guard send(destination, buffer, count, Int32(MSG_NOSIGNAL)) == count else {
                shutdown(source, Int32(SHUT_RD))
                break
            }
        }
        guard pair.endDirection() else { return }
        state.withLock { state in
            for descriptor in [pair.client, pair.server] {
                state.sockets.remove(descriptor)
                close(descriptor)
            }
        }
    }
}
