// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
public import Primitives

/// What a ``DTLSTransport`` is told at birth; the defaults are those of media-plane.md 2.
public struct DTLSSettings: Sendable {
    /// SRTP profiles to offer or to choose from, best first.
    public var profiles: [SRTPProfile]
    /// The handshake fails this long after its start.
    public var handshakeTimeout = DTLSLimits.handshakeTimeout
    /// First repetition of an unanswered flight; doubled each time up to ``DTLSLimits/longestRetransmission``.
    public var firstRetransmission = DTLSLimits.firstRetransmission
    /// Hashes that the peer's fingerprints may have; the first of them for which there is a fingerprint decides.
    public var acceptedHashes = HashFunction.strongestFirst

    /// Settings with these profiles.
    public init(profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80]) {
        self.profiles = profiles
    }
}
