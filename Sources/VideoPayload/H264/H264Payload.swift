// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What an H.264 payload carries, as far as the headers of its NAL units tell (RFC 6184 5): enough to know where a
/// receiver can begin.
public struct H264Payload: BitwiseCopyable, Hashable, Sendable {
    /// Types of NAL units that matter here, and of the packets that carry several or parts of one.
    @usableFromInline
    enum UnitType {
        @usableFromInline static let idrSlice: UInt8 = 5
        @usableFromInline static let sequenceParameterSet: UInt8 = 7
        @usableFromInline static let pictureParameterSet: UInt8 = 8
        @usableFromInline static let lastSingle: UInt8 = 23
        @usableFromInline static let singleTimeAggregation: UInt8 = 24
        @usableFromInline static let fragmentation: UInt8 = 28
    }

    /// Type of the payload: 1…23 a single NAL unit, 24 STAP-A, 28 FU-A; others are of no use in WebRTC.
    public var type: UInt8
    /// A slice of an IDR picture starts here.
    public var startsIDR = false
    /// A sequence parameter set starts here.
    public var startsSPS = false
    /// A picture parameter set starts here.
    public var startsPPS = false
    /// At least one NAL unit starts here: the payload is not the middle or the end of one.
    public var startsUnit = false
    /// The last NAL unit ends here.
    public var endsUnit = false

    /// Reads the payload at `offset` of `bytes`; `nil` when it is cut off before `end` or breaks the form.
    @inlinable
    public init?(_ bytes: RawSpan, from offset: Int, to end: Int) {
        guard offset >= 0, end <= bytes.byteCount, offset < end else { return nil }
        let header = bytes.uint8(at: offset)
        // F: an error is inside.
        guard header & 0x80 == 0 else { return nil }
        type = header & 0x1F
        switch type {
        case 1...UnitType.lastSingle:
            startsUnit = true
            endsUnit = true
            note(type)
        case UnitType.singleTimeAggregation:
            startsUnit = true
            endsUnit = true
            guard readUnits(bytes, from: offset + 1, to: end) else { return nil }
        case UnitType.fragmentation:
            guard end - offset >= 2 else { return nil }
            let fragment = bytes.uint8(at: offset + 1)
            startsUnit = fragment & 0x80 != 0
            endsUnit = fragment & 0x40 != 0
            if startsUnit { note(fragment & 0x1F) }
        default:
            break
        }
    }

    /// Reads NAL units that stand behind their lengths.
    @usableFromInline
    mutating func readUnits(_ bytes: RawSpan, from offset: Int, to end: Int) -> Bool {
        var position = offset
        for _ in 0..<VideoPayloadLimits.aggregatedUnits {
            guard end - position >= 3 else { return false }
            let count = Int(bytes.uint16(at: position))
            guard count > 0, end - position - 2 >= count else { return false }
            note(bytes.uint8(at: position + 2) & 0x1F)
            position += 2 + count
            if position == end { return true }
        }
        return false
    }

    @usableFromInline
    mutating func note(_ type: UInt8) {
        switch type {
        case UnitType.idrSlice: startsIDR = true
        case UnitType.sequenceParameterSet: startsSPS = true
        case UnitType.pictureParameterSet: startsPPS = true
        default: break
        }
    }

    /// Whether a receiver can begin here: an IDR picture starts, or the parameters do that come before one. Some
    /// senders put those into packets of their own, ahead of the picture and with its time stamp (media-plane.md 5.7).
    @inlinable public var isKeyframe: Bool { startsIDR || startsSPS }
}
