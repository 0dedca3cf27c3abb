// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// How fast a client may talk: what it said in the present window, and whether that is enough.
struct Pace {
    private var end = Timestamp.zero
    private var messages = 0
    private var bytes = 0

    /// Counts what came.
    mutating func note(messages more: Int = 0, bytes moreBytes: Int = 0, at now: Timestamp) {
        if end <= now { self = Pace(end: now + WebServerLimits.paceWindow) }
        messages += more
        bytes += moreBytes
    }

    /// Until when the client is not read; `nil` when it is.
    func pause(at now: Timestamp) -> Timestamp? {
        let isSpent = messages >= WebServerLimits.messagesPerWindow || bytes >= WebServerLimits.bytesPerWindow
        return isSpent && end > now ? end : nil
    }

    init() {}
    private init(end: Timestamp) { self.end = end }
}
