// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the media line of a slot is called: `a` or `v` and a number (media-plane.md 5.10).
public struct MediaID: BitwiseCopyable, Hashable, Sendable {
    /// The number and one; above it a bit for audio. Zero for none.
    @usableFromInline let value: UInt16

    /// None.
    public static let none = MediaID(value: 0)
    private static let audioBit: UInt16 = 1 << 15

    private init(value: UInt16) { self.value = value }

    /// The name of the slot that was made as the `number`th of its media type, from 0.
    public init(isAudio: Bool, number: Int) {
        value = UInt16(number + 1) | (isAudio ? Self.audioBit : 0)
    }

    /// Whether there is none.
    @inlinable @inline(__always)
    public var isNone: Bool { value == 0 }

    /// Length of the text in bytes.
    public var byteCount: Int {
        switch number {
        case ..<10: 2
        case ..<100: 3
        case ..<1_000: 4
        default: 5
        }
    }

    /// The text in ``byteCount`` bytes, and behind them what means nothing.
    var bytes: InlineArray<8, UInt8> {
        var result = InlineArray<8, UInt8>(repeating: 0)
        result[0] = value & Self.audioBit != 0 ? UInt8(ascii: "a") : UInt8(ascii: "v")
        var rest = number
        for place in stride(from: byteCount - 1, to: 0, by: -1) {
            result[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        return result
    }

    private var number: Int { Int(value & ~Self.audioBit) - 1 }

    /// The text, for messages.
    public var text: String { (value & Self.audioBit != 0 ? "a" : "v") + String(number) }
}
