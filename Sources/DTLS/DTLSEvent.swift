// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL

/// Who speaks first in the handshake (RFC 5763 section 5: `active` is the client).
public enum DTLSRole: Sendable, BitwiseCopyable {
    case client, server
}

/// What a ``DTLSTransport`` tells its owner.
public enum DTLSEvent: Equatable, Sendable {
    /// The handshake is done and the peer is who it should be. Once per transport.
    case connected(SRTPKeys)
    /// The handshake failed, for good; the reason is fit for a log.
    case failed(reason: String)
    /// The peer (or the owner) ended the association in order.
    case closed
}

/// What a ``DTLSTransport`` dropped, by reason.
public struct DTLSCounters: Equatable, Sendable, BitwiseCopyable {
    /// Datagrams over ``DTLSLimits/datagramBytes``, or empty.
    public var badSize: UInt64 = 0
    /// Datagrams with an encrypted record too short to be genuine.
    public var stubs: UInt64 = 0
    /// Datagrams that came before the start and found the store full.
    public var earlyOverflow: UInt64 = 0
    /// Datagrams after the end.
    public var afterEnd: UInt64 = 0
    /// Flights sent again.
    public var retransmissions: UInt64 = 0
    /// Records of application data that were handed out.
    public var recordsReceived: UInt64 = 0
    /// Records of application data that were made.
    public var recordsSent: UInt64 = 0
    /// Application data that no record was made for: too long, or not connected.
    public var recordsRefused: UInt64 = 0
    /// Signalled fingerprints with an unknown hash or a wrong length, or too many of them.
    public var unusableFingerprints: UInt64 = 0

    /// Nothing counted yet.
    public init() {}

    /// Datagrams that were dropped, for whatever reason.
    public var refused: UInt64 { badSize + stubs + earlyOverflow + afterEnd }
}
