// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// `jmt.audio.red`: what the bridge does about redundant audio (media-plane.md 10.4).
public struct RedundancySettings: Sendable, BitwiseCopyable {
    /// What happens to whom.
    public enum Policy: UInt8, Sendable, BitwiseCopyable {
        /// RED goes as it came, to receivers that take it; the others get what is inside.
        case pass
        /// Everybody gets what is inside.
        case strip
        /// Receivers that take RED get everything in it.
        case protect
    }

    /// `policy`.
    public var policy = Policy.pass
    /// `distance`: how many earlier packets one repeats where the bridge adds them, 1 or 2.
    public var distance = 2
    /// `vad-only`: only those that carry speech by the sender's own word.
    public var isForVoiceOnly = true

    /// The original's values.
    public init() {}
}
