// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Discards long digital silence: a muted browser goes on sending packets of level 127 (media-plane.md 10.1). One per
/// endpoint.
public struct SilenceFilter: BitwiseCopyable, Sendable {
    private var silentInRow: UInt32 = 0
    private let limit: UInt32

    /// No silence yet.
    /// - Parameter limit: silent packets in a row are discarded beyond this; tested with ">", so one more passes.
    public init(limit: UInt32 = ForwardingLimits.silentPackets) {
        self.limit = min(limit, .max - 1)
    }

    /// Whether the next silent packet is discarded.
    @inline(__always)
    public var isDiscarding: Bool { silentInRow > limit }

    /// Whether an audio packet of this level is forwarded. Packets without a level always are and count for nothing.
    /// - Parameter level: 0…127, or ``PacketInfo/noLevel``.
    public mutating func admits(level: UInt8) -> Bool {
        guard level != PacketInfo.noLevel else { return true }
        guard level == 127 else {
            silentInRow = 0
            return true
        }
        guard silentInRow <= limit else { return false }
        silentInRow += 1
        return true
    }
}
