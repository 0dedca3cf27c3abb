// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import PacketIO
internal import Primitives
internal import WebSocket

/// One accepted connection that speaks HTTP: the socket and the protocol behind it. The web thread's own.
final class WebConnection {
    /// The poller's token.
    let token: UInt64
    /// Which port it came by.
    let door: Door
    let link: Link
    var core: ServerConnection
    /// The request that the control loop has.
    var requestID: UInt64?
    /// What the request is answered with if it asks for a WebSocket and the control loop lets it in.
    var acceptance: Handshake.Acceptance?
    /// Whether the request came from a page of another origin.
    var hasOrigin = false
    /// What the poller watches for.
    var isWatchedForReading = true
    var isWatchedForWriting = false

    init(token: UInt64, door: Door, link: Link, core: ServerConnection) {
        self.token = token
        self.door = door
        self.link = link
        self.core = core
    }

    /// Reads once.
    /// - Returns: `false` when the connection is broken.
    func read(into buffer: inout [UInt8], at now: Timestamp) -> Bool {
        guard core.wantsInput else { return true }
        let arrival = link.read(into: &buffer)
        if !arrival.bytes.isEmpty { core.handle(arrival.bytes, at: now) }
        if arrival.hasEnded { core.handleEndOfInput(at: now) }
        return !arrival.isBroken
    }

    /// Writes what the socket takes.
    /// - Returns: `false` when the connection is broken.
    func write(at now: Timestamp) -> Bool {
        while !core.pendingOutput.isEmpty {
            guard let count = link.write(core.pendingOutput) else { return false }
            if count == 0 { break }
            core.didTransmit(count, at: now)
        }
        if core.hasOutputEnded { link.finish() }
        return link.flush()
    }
}
