// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTP
internal import PacketIO
internal import Primitives

/// One accepted connection: the socket and the protocol behind it. The web thread's own.
final class WebConnection {
    /// The poller's token.
    let token: UInt64
    let descriptor: Int32
    var core: ServerConnection
    /// The request that the control loop has.
    var requestID: UInt64?
    /// Whether the request came from a page of another origin.
    var hasOrigin = false
    /// What the poller watches for.
    var isWatchedForReading = true
    var isWatchedForWriting = false
    private var hasShutDown = false

    init(token: UInt64, descriptor: Int32, core: ServerConnection) {
        self.token = token
        self.descriptor = descriptor
        self.core = core
    }

    deinit { close(descriptor) }

    /// Reads once.
    /// - Returns: `false` when the connection is broken.
    func read(into buffer: inout [UInt8], at now: Timestamp) -> Bool {
        guard core.wantsInput else { return true }
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 {
            core.handle(buffer[..<count], at: now)
        } else if count == 0 {
            core.handleEndOfInput(at: now)
        } else {
            return errno == EAGAIN || errno == EINTR
        }
        return true
    }

    /// Writes what the socket takes.
    /// - Returns: `false` when the connection is broken.
    func write(at now: Timestamp) -> Bool {
        while !core.pendingOutput.isEmpty {
            let count = core.pendingOutput.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0 { return errno == EAGAIN }
            core.didTransmit(count, at: now)
        }
        if core.hasOutputEnded, !hasShutDown {
            // RFC 9112 9.6: half-close first, so that a reset does not take the answer from the client.
            hasShutDown = true
            shutdown(descriptor, Int32(SHUT_WR))
        }
        return true
    }
}
