// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Named limits of this target.
public enum WebSocketLimits {
    /// Bytes of a message, as it is sent and after it was expanded (media-plane.md 11.3); more ends the connection with
    /// 1009.
    public static let messageBytes = 65_536
    /// Frames of one message; more ends the connection with 1008.
    static let fragments = 1_024
    /// Bytes of a control frame (RFC 6455 5.5).
    static let controlBytes = 125
    /// Bytes that wait for a client to take them; one that lets more wait loses the connection.
    public static let backlogBytes = 512 << 10
    /// Bytes that are written in one go.
    static let writeBytes = 16 << 10
    /// How long the client may take to answer a close frame, and to take ours.
    static let closeTime = TimeDelta.seconds(2)
    /// Shorter messages are not compressed: it would save nothing.
    static let deflateFrom = 100
    /// How far back a repetition is found when a message is compressed, as a power of two (RFC 7692 7.1.2.1).
    static let windowBits = 12
    /// How thorough compression is, from 1 to 9.
    static let deflateLevel = 3
    /// Extensions, and parameters of each, that are looked at in an offer.
    static let offers = 16
}
