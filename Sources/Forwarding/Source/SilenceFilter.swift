// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Discards long digital silence: a muted browser goes on sending packets of level 127 (media-plane.md 10.1). One per
/// endpoint.
public struct SilenceFilter: BitwiseCopyable, Sendable {
    private var silentInRow: UInt8 = 0

    /// No silence yet.
    public init() {}

    /// Whether an audio packet of this level is forwarded. Packets without a level always are and count for nothing.
    /// - Parameter level: 0…127, or ``PacketInfo/noLevel``.
    public mutating func admits(level: UInt8) -> Bool {
        guard level != PacketInfo.noLevel else { return true }
        guard level == 127 else {
            silentInRow = 0
            return true
        }
        guard silentInRow <= ForwardingLimits.silentPackets else { return false }
        silentInRow += 1
        return true
    }
}
