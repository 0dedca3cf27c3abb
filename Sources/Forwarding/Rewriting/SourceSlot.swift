// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// An SSRC under which one receiver gets one source at a time (media-plane.md 5.10). The SSRCs stay the slot's for
/// good: the receiver has made a media line for them.
public struct SourceSlot: BitwiseCopyable, Sendable {
    /// Stands for "no source" in ``key``.
    public static let free: UInt64 = 0

    /// The SSRC that the receiver sees.
    public let ssrc: UInt32
    /// That of retransmissions; `nil` for audio.
    public let rtxSSRC: UInt32?
    /// The name of its media line.
    public let mediaID: MediaID
    /// Which source it carries: the place of the source in its conference in the low 16 bits, above them which tenant
    /// of that place; ``free`` while none.
    public internal(set) var key = SourceSlot.free
    /// When it was used last, as a place in the order of uses.
    var use: UInt64 = 0
    /// Since when it carries its source.
    public internal(set) var mappedAt = Timestamp.zero
    /// Nothing is sent before.
    public var opensAt = Timestamp.zero
    /// The receiver has not been told what it carries.
    public var isNews = false
    /// Where its stream stands while no pair goes on with it; `nil` before the first packet.
    public var continuation: StreamContinuation?

    /// The place of a source in its conference.
    public static func place(of key: UInt64) -> Int { Int(key & 0xFFFF) }

    /// Whether it carries no source.
    public var isFree: Bool { key == Self.free }

    init(ssrc: UInt32, rtxSSRC: UInt32?, mediaID: MediaID) {
        self.ssrc = ssrc
        self.rtxSSRC = rtxSSRC
        self.mediaID = mediaID
    }
}
