// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import DTLS
internal import Forwarding
internal import ICE
internal import OpenSSL
public import Primitives

// Settings from the plain values and names of the configuration, so that who reads it knows nothing of the protocols.

extension ShardSettings {
    /// Sets ``nomination`` by a name of `ice.nomination-strategy`; any other name means JVB's default.
    public mutating func setNomination(name: String) {
        nomination =
            switch name {
            case "NominateFirstValid": .firstValid
            case "NominateHighestPriority": .highestPriority
            case "NominateBestRTT": .bestRoundTrip
            case "None": .none
            default: .firstHostOrReflexiveValid
            }
    }

    /// Sets ``dtls``.
    /// - Parameters:
    ///   - profiles: names of `jmt.srtp.protection-profiles`, best first; others are skipped.
    ///   - acceptedHashes: names of RFC 8122 section 5, best first; others are skipped.
    ///   - handshakeTimeout: after which a handshake fails.
    public mutating func setHandshakes(profiles: [String], acceptedHashes: [String], handshakeTimeout: TimeDelta) {
        dtls.profiles = profiles.compactMap { SRTPProfile(configurationName: $0) }
        dtls.acceptedHashes = acceptedHashes.compactMap { HashFunction(rawValue: $0) }
        dtls.handshakeTimeout = handshakeTimeout
    }

    /// Sets ``identity``.
    /// - Parameters:
    ///   - cipherList: cipher suites by OpenSSL's names.
    ///   - fingerprintHash: a name of RFC 8122 section 5; any other name means SHA-256.
    public mutating func setIdentity(cipherList: String, fingerprintHash: String) {
        identity.cipherList = cipherList
        identity.fingerprintHash = HashFunction(rawValue: fingerprintHash) ?? .sha256
    }

    /// Sets what of ``keyframes`` holds for a receiver and a source.
    public mutating func setKeyframes(interval: TimeDelta, quota: Int, within quotaInterval: TimeDelta) {
        keyframes.interval = interval
        keyframes.quota = quota
        keyframes.quotaInterval = quotaInterval
    }

    /// Sets what of ``keyframes`` holds for a source, whoever asks.
    public mutating func setSourceKeyframes(interval: TimeDelta, quota: Int, within quotaInterval: TimeDelta) {
        keyframes.sourceInterval = interval
        keyframes.sourceQuota = quota
        keyframes.sourceQuotaInterval = quotaInterval
    }
}
