// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a receiver asks of a source (media-plane.md 9.1).
public struct SourceWish: Hashable, Sendable, BitwiseCopyable {
    /// Pixels of the smaller dimension; 0 is nothing, negative no limit.
    public var maxHeight: Int32
    /// Frames per second; 0 is nothing. The original ignores it.
    public var maxFrameRate: FrameRate

    /// Nothing of it.
    public static let nothing = SourceWish(maxHeight: 0)

    /// A wish.
    public init(maxHeight: Int32, maxFrameRate: FrameRate = .unlimited) {
        self.maxHeight = maxHeight
        self.maxFrameRate = maxFrameRate
    }

    /// Whether anything of the source is wanted.
    public var isWanted: Bool { maxHeight != 0 && maxFrameRate.thousandths != 0 }
}
