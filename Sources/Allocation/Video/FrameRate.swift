// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Frames per second, in thousandths. As a limit, unknown is none.
public struct FrameRate: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Frames in a thousand seconds; negative where nothing is known.
    public var thousandths: Int32

    /// Nobody has said.
    public static let unknown = FrameRate(thousandths: -1)
    /// The limit that lets everything pass.
    public static let unlimited = unknown

    /// A rate in thousandths of frames per second.
    @inlinable
    public init(thousandths: Int32) { self.thousandths = thousandths }

    /// A rate as clients and senders give it; what is negative or no number is unknown.
    public init(perSecond: Double) {
        guard perSecond >= 0 else {
            self = .unknown
            return
        }
        let scaled = perSecond * 1_000
        thousandths = scaled < Double(Int32.max) ? Int32(scaled.rounded()) : .max
    }

    /// Whether there is a rate at all.
    @inlinable public var isKnown: Bool { thousandths >= 0 }

    @inlinable
    public static func < (a: FrameRate, b: FrameRate) -> Bool { a.thousandths < b.thousandths }
}
