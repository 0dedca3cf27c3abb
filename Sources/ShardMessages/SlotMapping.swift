// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a receiver's slot carries (media-plane.md 5.10).
public struct SlotMapping: Hashable, Sendable {
    /// A source, as the receiver knows it.
    public struct Source: Hashable, Sendable {
        /// Who sends it.
        public var owner: EndpointNumber
        /// Its name.
        public var name: String

        /// A source.
        public init(owner: EndpointNumber, name: String) {
            self.owner = owner
            self.name = name
        }
    }

    /// What the slot is for.
    public var mediaType: MediaType
    /// Its SSRC at the receiver.
    public var ssrc: UInt32
    /// That of retransmissions; `nil` for audio.
    public var rtxSSRC: UInt32?
    /// The name of its media line, where that stands on the packets.
    public var mediaID: String?
    /// What it carries; `nil` for nothing any more.
    public var source: Source?

    /// A slot.
    public init(mediaType: MediaType, ssrc: UInt32, rtxSSRC: UInt32?, mediaID: String? = nil, source: Source?) {
        self.mediaType = mediaType
        self.ssrc = ssrc
        self.rtxSSRC = rtxSSRC
        self.mediaID = mediaID
        self.source = source
    }
}
