// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Named limits of this target (house rule 2.6). What lies beyond one is left out or cut down; nothing grows past it.
public enum AllocationLimits {
    /// Layers of a source that are looked at: three encodings of 32 decode targets each; what comes behind is left out.
    public static let layersPerSource = 96
    /// The most that a layer is taken to cost, in bits per second; a source that claims more costs this.
    public static let layerBitrate: UInt64 = 1_000_000_000_000
    /// More than all layers of all sources together, in bits per second; a receiver without a limit has this.
    static let budget: Int64 = 1 << 60
    /// Pixels of the smaller dimension up to which a receiver is taken to show a thumbnail (media-plane.md 9.3).
    static let thumbnailHeight: Int32 = 180
    /// A frame rate may be above the receiver's limit by one part in so many: cameras do not keep to theirs exactly.
    static let frameRateTolerance: Int32 = 8
    /// The shortest time between two runs for one receiver: its own messages and senders whose layers come and go can
    /// ask for any number of them.
    public static let runInterval = TimeDelta.milliseconds(10)
    /// A rate that decides nothing below this, in bits per second: differences of some bits are no news.
    static let leastRateStep: UInt64 = 1_000
}
