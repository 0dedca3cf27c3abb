// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// How rates become layers, with the original's defaults (media-plane.md 9.3 to 9.5; `videobridge.cc`).
public struct AllocationSettings: Hashable, Sendable {
    /// Up to this height a camera on stage is served before anybody else, in pixels (`onstage-preferred-height-px`).
    public var preferredHeight: Int32 = 360
    /// Above a thumbnail a layer of that height or more must have this frame rate, if the source has it at all
    /// (`onstage-preferred-framerate`).
    public var preferredFrameRate = FrameRate(perSecond: 30)
    /// A screen on stage may exceed the rate (`allow-oversend-onstage`).
    public var allowsOversending = true
    /// By how much, in bits per second (`max-oversend-bitrate`).
    public var maxOversending: Int64 = 500_000
    /// A layer costs what its sender announced, where it did, instead of what was measured (`use-vla-target-bitrate`).
    public var usesAnnouncedBitrates = false
    /// For so long a better layer must fit before a source that the rate had held back gets it. Sources on stage do not
    /// wait. The original has none of it; zero is off.
    public var riseDelay = TimeDelta.milliseconds(1_500)

    /// The defaults.
    public init() {}
}
