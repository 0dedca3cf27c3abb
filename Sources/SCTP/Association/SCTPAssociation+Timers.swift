// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

// What time brings.
extension SCTPAssociation {
    mutating func handleTimers() {
        if isDue(numbers.handshakeTimer) { repeatHandshake() }
        if isDue(numbers.retransmissionTimer) { retransmissionIsDue() }
        if isDue(numbers.acknowledgementTimer) {
            numbers.acknowledgementTimer = nil
            numbers.acknowledgement = .due
        }
        if isDue(numbers.heartbeatTimer) { beat() }
        if isDue(numbers.shutdownTimer) { repeatShutdown() }
        if isDue(numbers.resetTimer) { repeatReset() }
    }

    private func isDue(_ timer: Timestamp?) -> Bool {
        timer.map { $0 <= now } ?? false
    }

    /// Asks whether the peer is still there, which keeps the round trip known (§8.3). Nothing ends when it is not.
    private mutating func beat() {
        startHeartbeats()
        guard numbers.state == .established else { return }
        // Data says the same.
        if let last = numbers.lastSent, let interval = settings.heartbeatInterval, now - last < interval { return }
        numbers.heartbeatNonce = random.next()
        numbers.heartbeatSent = now
        numbers.pending.insert(.heartbeat)
    }
}
