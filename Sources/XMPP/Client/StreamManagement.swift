// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The counters and the replay queue of a managed stream (XEP-0198). Plain values: they can outlive a connection.
struct StreamManagement {
    /// Stanzas are counted.
    private(set) var isEnabled = false
    /// What a later stream says to go on with this one; `nil` when the server does not offer it.
    private(set) var resumptionID: String?
    /// Stanzas received, modulo 2³².
    private(set) var received: UInt32 = 0
    /// An `<r/>` is on its way.
    private(set) var isAwaitingAcknowledgement = false

    private var acknowledged: UInt32 = 0
    private var queue: [String] = []
    private var queueBytes = 0
    private var hasOverflowed = false

    /// Whether a new stream may go on with this session.
    var canResume: Bool { isEnabled && resumptionID != nil && !hasOverflowed }

    /// What has not been acknowledged, in the order it was sent.
    var unacknowledged: [String] { queue }

    /// The server has agreed to count.
    mutating func enable(resumptionID: String?) {
        self = StreamManagement()
        isEnabled = true
        self.resumptionID = resumptionID
    }

    /// The connection is gone, the session is not.
    mutating func suspend() {
        isAwaitingAcknowledgement = false
    }

    /// A stanza has come.
    mutating func countReceived() {
        if isEnabled { received &+= 1 }
    }

    /// A stanza goes out, or would go out.
    ///
    /// - Returns: whether to ask for an acknowledgement now. One question at a time is enough: its answer asks again.
    mutating func countSent(_ stanza: String) -> Bool {
        guard isEnabled else { return false }
        if !hasOverflowed {
            queue.append(stanza)
            queueBytes += stanza.utf8.count
            if queue.count > XMPPLimits.unacknowledgedStanzas || queueBytes > XMPPLimits.unacknowledgedBytes {
                hasOverflowed = true
                queue = []
                queueBytes = 0
            }
        }
        return askIfNeeded()
    }

    /// Takes the server's count.
    ///
    /// - Returns: whether to ask again; `nil` when the count is impossible.
    mutating func acknowledge(_ count: UInt32) -> Bool? {
        isAwaitingAcknowledgement = false
        guard !hasOverflowed else { return false }
        let fresh = Int(count &- acknowledged)
        guard fresh <= queue.count else { return nil }
        for stanza in queue.prefix(fresh) { queueBytes -= stanza.utf8.count }
        queue.removeFirst(fresh)
        acknowledged = count
        return askIfNeeded()
    }

    private mutating func askIfNeeded() -> Bool {
        guard !isAwaitingAcknowledgement, !queue.isEmpty else { return false }
        isAwaitingAcknowledgement = true
        return true
    }
}
