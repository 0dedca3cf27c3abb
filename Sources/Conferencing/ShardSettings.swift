// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
public import Primitives

/// What a worker is told once, at start; defaults are JVB's (operations.md a.4, a.5).
public struct ShardSettings: Sendable {
    /// Number of this worker; it stands in every user fragment, so that any socket finds the owner.
    public var worker: UInt8 = 0
    /// The bound addresses; the index is the socket's number.
    public var localAddresses: [TransportAddress]
    /// `ice.ufrag-prefix`.
    public var ufragPrefix = ""
    /// SRTP profiles in order of preference.
    public var profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80]
    /// `ice4j.consent-freshness.interval` as JVB sets it.
    public var consentInterval = TimeDelta.seconds(5 as Int64)
    /// `entity-expiration.timeout`: an endpoint with earlier traffic and this much silence ends.
    public var inactivityTimeout = TimeDelta.seconds(60 as Int64)
    /// An endpoint that never had traffic ends after this.
    public var firstActivityTimeout = TimeDelta.seconds(120 as Int64)
    /// A conference without endpoints ends when it is older than this.
    public var emptyConferenceTimeout = TimeDelta.seconds(20 as Int64)
    /// `entity-expiration.check-interval`.
    public var expiryCheckInterval = TimeDelta.seconds(60 as Int64)
    /// Silence after which an endpoint counts as inactive in the statistics (`max-inactivity-limit`).
    public var inactivityLimit = TimeDelta.seconds(8 as Int64)
    /// `jmt.audio.level.discard-silence`.
    public var discardsSilence = true
    /// Settings with JVB's defaults.
    public init(localAddresses: [TransportAddress]) {
        self.localAddresses = localAddresses
    }
}
