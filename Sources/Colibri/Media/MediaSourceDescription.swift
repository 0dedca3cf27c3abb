// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A `media-source`: one named camera, screen or microphone with its SSRCs (control-plane.md 3.7).
public struct MediaSourceDescription: Hashable, Sendable {
    /// Audio or video.
    public var kind: MediaKind
    /// The source's name.
    public var id: String
    /// Injected by the server side: forwarded only to those who ask for it.
    public var isSynthetic = false
    /// SSRCs, in an order that means nothing.
    public var ssrcs: [SSRCDescription] = []
    /// Groups, in an order that means nothing.
    public var groups: [SSRCGroupDescription] = []

    /// A source without SSRCs.
    public init(kind: MediaKind, id: String) {
        self.kind = kind
        self.id = id
    }
}

/// One `source` element (XEP-0339).
public struct SSRCDescription: Hashable, Sendable {
    /// The SSRC; a source may come without.
    public var ssrc: UInt32?
    /// Source name.
    public var name: String?
    /// `camera` or `desktop`.
    public var videoType: String?

    /// A source element.
    public init(ssrc: UInt32?, name: String? = nil, videoType: String? = nil) {
        self.ssrc = ssrc
        self.name = name
        self.videoType = videoType
    }
}

/// An `ssrc-group` (XEP-0339, RFC 5576 §4.2).
public struct SSRCGroupDescription: Hashable, Sendable {
    /// `SIM`, `FID` or `FEC-FR`, in the sender's spelling.
    public var semantics: String
    /// The members, in significant order.
    public var ssrcs: [UInt32]

    /// A group.
    public init(semantics: String, ssrcs: [UInt32]) {
        self.semantics = semantics
        self.ssrcs = ssrcs
    }

    /// Whether the group is of that kind; case does not count.
    public func isKind(_ name: String) -> Bool { semantics.uppercased() == name }
}
