// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What is known of one layer of a source.
public struct VideoLayer: Hashable, Sendable, BitwiseCopyable {
    /// Which one.
    public var index: LayerIndex
    /// Pixels of the smaller dimension; 0 or less where nobody has said.
    public var height: Int32
    /// Frames per second of it and the layers it needs.
    public var frameRate: FrameRate
    /// What it and the layers it needs cost now, as measured, in bits per second; 0 while nothing of it comes.
    public var bitrate: UInt64
    /// What its sender announced instead (media-plane.md 4.5).
    public var announcedBitrate: UInt64?

    /// A layer.
    public init(
        _ index: LayerIndex, height: Int32, frameRate: FrameRate, bitrate: UInt64, announcedBitrate: UInt64? = nil
    ) {
        self.index = index
        self.height = height
        self.frameRate = frameRate
        self.bitrate = bitrate
        self.announcedBitrate = announcedBitrate
    }

    /// What it is taken to cost, in bits per second.
    func cost(isAnnounced: Bool) -> Int64 {
        let bitrate = isAnnounced ? announcedBitrate ?? bitrate : bitrate
        return Int64(min(bitrate, AllocationLimits.layerBitrate))
    }

    /// Its height, 0 where it is not known: that fits everywhere.
    var knownHeight: Int32 { max(height, 0) }
}
