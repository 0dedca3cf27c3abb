// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum XMPPLimits {
    /// Bytes of one outgoing stanza; Prosody ends a stream over a larger one (control-plane.md 8.3).
    public static let outgoingStanzaBytes = 262_144
    /// Stanzas kept until the server acknowledges them; beyond that the session cannot be resumed any more.
    public static let unacknowledgedStanzas = 2_048
    /// Bytes of those stanzas.
    public static let unacknowledgedBytes = 8 << 20
    /// Own requests waiting for their answers.
    public static let pendingRequests = 4_096
    /// Rooms of one connection; more are ignored.
    public static let rooms = 32
    /// SCRAM iterations that are computed for a server: a hash each, on the control loop.
    public static let scramIterations = 200_000
    /// Bytes of a SASL message in base64.
    public static let saslMessageBytes = 8_192
    /// Parts of an own presence that are looked at for items and statuses.
    public static let presenceItems = 32
}
