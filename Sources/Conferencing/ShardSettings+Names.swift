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

    /// Sets ``redundancy``.
    /// - Parameters:
    ///   - policyName: of `jmt.audio.red.policy`; any other name passes RED on.
    ///   - distance: packets that one repeats.
    ///   - isForVoiceOnly: only speech is repeated.
    public mutating func setRedundancy(policyName: String, distance: Int, isForVoiceOnly: Bool) {
        redundancy.policy =
            switch policyName {
            case "STRIP": .strip
            case "PROTECT_ALL": .protect
            default: .pass
            }
        redundancy.distance = distance
        redundancy.isForVoiceOnly = isForVoiceOnly
    }

    /// Sets what of ``speech`` is told.
    /// - Parameters:
    ///   - recent: speakers before the dominant one.
    ///   - silence: quiet time after which silence is told; `nil` where it is not.
    public mutating func setSpeech(recent: Int, silence: TimeDelta?) {
        speech.recentSpeakers = recent
        speech.detectsSilence = silence != nil
        if let silence { speech.silenceTimeout = silence }
    }

    /// Sets who of ``speech`` is forwarded.
    /// - Parameters:
    ///   - count: so many of the loudest; `nil` forwards everybody.
    ///   - withDominant: the dominant speaker in any case.
    ///   - lifetime: of a place among the loudest without a packet.
    ///   - alpha: weight of the newest level, in percent.
    public mutating func setLoudest(_ count: Int?, withDominant: Bool, lifetime: TimeDelta, alpha: Int) {
        speech.routesLoudestOnly = count != nil
        if let count { speech.loudest = count }
        speech.alwaysRoutesDominant = withDominant
        speech.energyLifetime = lifetime
        speech.energyAlpha = min(max(alpha, 0), 100)
    }
}
