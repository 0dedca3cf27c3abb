// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// How many DTLS datagrams an endpoint may send once its handshake is done: a rate and a burst. What exceeds it is
/// dropped before it is decrypted, so that a flood costs next to nothing; SCTP repeats what an honest client lost.
struct ChannelAllowance: BitwiseCopyable {
    /// When the next one would be on time at the full rate (generic cell rate algorithm).
    private var next = Timestamp.zero

    /// Whether one more may be taken now; if so it counts.
    mutating func take(at now: Timestamp) -> Bool {
        let start = max(next, now)
        guard start - now <= ConferencingLimits.channelBurst else { return false }
        next = start + ConferencingLimits.channelInterval
        return true
    }
}
