// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a request says of one endpoint (control-plane.md 3.4).
public struct EndpointModify: Hashable, Sendable {
    /// The endpoint's id. Opaque.
    public var id: String
    /// It must not exist and is made.
    public var isCreate = false
    /// It is removed; wins over everything else said here.
    public var isExpire = false
    /// Readable name for statistics.
    public var statsID: String?
    /// `muc-role`; only `visitor` means something.
    public var mucRole: String?
    /// Names of capabilities, unknown ones included.
    public var capabilities: [String] = []
    /// Payload types and header extensions, one entry per `media` element, in document order.
    public var media: [MediaDescription] = []
    /// The outer transport element.
    public var transport: TransportDescription?
    /// The full new list of sources; empty clears; `nil` leaves them as they are.
    public var sources: [MediaSourceDescription]?
    /// Both mute flags; `nil` leaves them as they are.
    public var forceMute: ForceMute?
    /// Number of videos until the client sends constraints of its own.
    public var initialLastN: Int?

    /// An endpoint of which nothing is said.
    public init(id: String) { self.id = id }

    /// A visitor may receive but not send.
    public var isVisitor: Bool { mucRole?.lowercased() == "visitor" }

    /// Says more than that the endpoint ends or is muted: unknown endpoints are then an error (control-plane.md 3.9).
    public var isSubstantial: Bool { isCreate || !media.isEmpty || transport != nil || sources != nil }
}

/// `force-mute`: a missing attribute means false, that is un-mute.
public struct ForceMute: Hashable, Sendable {
    /// Audio from the endpoint is dropped.
    public var audio: Bool
    /// Video from the endpoint is dropped.
    public var video: Bool

    /// Both flags.
    public init(audio: Bool = false, video: Bool = false) {
        self.audio = audio
        self.video = video
    }
}
