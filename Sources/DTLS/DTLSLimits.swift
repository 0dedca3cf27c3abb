// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
public import Primitives

/// Named limits of this target.
public enum DTLSLimits {
    /// Longest datagram that is looked at, in bytes; longer ones are dropped (the path's MTU is 1,500).
    public static let datagramBytes = 2_048
    /// Datagrams kept before the role is known: a few repeated flights of one client.
    public static let earlyDatagrams = 16
    /// Shortest body of an encrypted record with AES-GCM: nonce and tag (RFC 5288).
    static let recordBytesGCM = 24
    /// The same with ChaCha20-Poly1305: the tag (RFC 7905).
    static let recordBytesChaCha = 16
    /// The handshake fails this long after its start (media-plane.md 2).
    public static let handshakeTimeout = TimeDelta.milliseconds(30_000)
    /// First repetition of an unanswered flight; doubled each time (media-plane.md 2). RFC 6347 4.2.4.1 has one second,
    /// for paths of which nothing is known; here ICE has just seen the path work.
    public static let firstRetransmission = TimeDelta.milliseconds(100)
    /// Longest time between two repetitions.
    public static let longestRetransmission = TimeDelta.milliseconds(2_000)
    /// Longest plaintext of one outgoing record of application data, in bytes.
    public static let applicationBytes = OpenSSLLimits.dtlsRecordBytes
    /// Longest outgoing datagram of a handshake, in bytes.
    public static let outgoingDatagramBytes = 1_200
}
