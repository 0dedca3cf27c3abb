// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The namespaces of Colibri2 (control-plane.md 3.1).
public enum ColibriNamespace {
    /// Colibri2 itself.
    public static let colibri2 = "jitsi:colibri2"
    /// ICE-UDP transport and its candidates; also `rtcp-mux` here.
    public static let ice = "urn:xmpp:jingle:transports:ice-udp:1"
    /// Fingerprints.
    public static let dtls = "urn:xmpp:jingle:apps:dtls:0"
    /// Payload types and their parameters.
    public static let rtp = "urn:xmpp:jingle:apps:rtp:1"
    /// Header extensions.
    public static let headerExtensions = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
    /// Feedback.
    public static let feedback = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
    /// Sources and their groups.
    public static let sources = "urn:xmpp:jingle:apps:rtp:ssma:0"
    /// The first version: `web-socket` and `stats`.
    public static let colibri1 = "http://jitsi.org/protocol/colibri"
    /// Conditions and texts of stanza errors.
    public static let stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"
}
