// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Primitives
internal import WebSocket

/// One WebSocket: the socket and the protocol behind it. The web thread's own.
final class WebSocketPeer {
    /// The control loop's name for it.
    let number: UInt64
    let link: Link
    var session: WebSocketSession
    var pace = Pace()
    /// What the poller watches for.
    var isWatchedForReading = true
    var isWatchedForWriting = false
    /// Whether it stands in the list of those with frames to be gathered.
    var isGathering = false
    /// Whether it stands in the list of those that are to be looked at although nothing arrives.
    var isListed = false
    /// Whether its pause has been counted.
    var isThrottled = false
    /// Whether the client sends nothing more. What it sent before is read first.
    var hasEnded = false
    /// The backlog that the control loop was told last.
    var toldBacklog = 0
    /// Whether the control loop was told of the end.
    var hasToldEnd = false

    init(number: UInt64, link: Link, session: WebSocketSession) {
        self.number = number
        self.link = link
        self.session = session
        // What the client has not taken is to wait here, where the control loop hears of it, not in the kernel.
        var mark = WebServerLimits.kernelBacklog
        setsockopt(link.descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &mark, 4)
    }

    /// Reads once.
    /// - Returns: `false` when the connection is broken.
    func read(into buffer: inout [UInt8], at now: Timestamp) -> Bool {
        guard session.wantsInput else { return true }
        let arrival = link.read(into: &buffer)
        if !arrival.bytes.isEmpty {
            pace.note(bytes: arrival.bytes.count, at: now)
            session.handle(arrival.bytes, at: now)
        }
        if arrival.hasEnded { hasEnded = true }
        return !arrival.isBroken
    }

    /// Writes what the socket takes.
    /// - Returns: `false` when the connection is broken.
    func write(at now: Timestamp) -> Bool {
        session.gather()
        while !session.pendingOutput.isEmpty {
            guard let count = link.write(session.pendingOutput) else { return false }
            if count == 0 { break }
            session.didTransmit(count, at: now)
        }
        if session.hasOutputEnded { link.finish() }
        return link.flush()
    }

    /// How long the client's backlog is, when the control loop is to hear of it anew: each time it has grown by a step,
    /// when it has halved, and when it is gone.
    func takeBacklogNews() -> Int? {
        let bytes = session.backlogBytes
        if bytes < WebServerLimits.backlogMark {
            guard toldBacklog > 0, bytes == 0 else { return nil }
        } else {
            let hasGrown = toldBacklog == 0 || bytes >= toldBacklog + WebServerLimits.backlogStep
            guard hasGrown || bytes <= toldBacklog / 2 else { return nil }
        }
        toldBacklog = bytes
        return bytes
    }
}
