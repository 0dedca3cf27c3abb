// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Audio or video, as signalled.
public enum MediaKind: String, Hashable, Sendable, CaseIterable {
    case audio, video
}

/// Payload types and header extensions of one kind of media; adds to what the endpoint has (control-plane.md 3.6).
public struct MediaDescription: Hashable, Sendable {
    /// Audio or video.
    public var kind: MediaKind
    /// Payload types.
    public var payloadTypes: [PayloadTypeDescription] = []
    /// Header extensions, with unknown URIs.
    public var headerExtensions: [HeaderExtensionDescription] = []
    /// `extmap-allow-mixed` was there.
    public var allowsMixedExtensions = false

    /// Nothing yet.
    public init(kind: MediaKind) { self.kind = kind }
}

/// An `rtp-hdrext` entry (XEP-0294).
public struct HeaderExtensionDescription: Hashable, Sendable {
    /// Its number on the wire, 1…255.
    public var id: UInt8
    /// What it is.
    public var uri: String

    /// An entry.
    public init(id: UInt8, uri: String) {
        self.id = id
        self.uri = uri
    }
}
