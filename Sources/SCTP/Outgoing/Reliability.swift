// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// How long a message is tried (RFC 3758 §4, 8831 §6.6).
public enum Reliability: Hashable, Sendable, BitwiseCopyable {
    /// Until it arrives.
    case reliable
    /// At most so many retransmissions.
    case retransmissions(UInt32)
    /// At most for so long.
    case lifetime(TimeDelta)
}
