// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import DTLS
import Forwarding
import ICE
import OpenSSL
import Primitives
import Testing

@Suite("Settings of a shard by name")
struct ShardSettingsTests {
    private static let strategies: [(String, ICEAgent.NominationStrategy)] = [
        ("NominateFirstHostOrReflexiveValid", .firstHostOrReflexiveValid), ("NominateFirstValid", .firstValid),
        ("NominateHighestPriority", .highestPriority), ("NominateBestRTT", .bestRoundTrip), ("None", .none),
        ("nonsense", .firstHostOrReflexiveValid),
    ]

    @Test("each nomination strategy has its name, and a name that is none means the default")
    func nomination() {
        for (name, strategy) in Self.strategies {
            var settings = ShardSettings(localAddresses: [])
            settings.nomination = strategy == .firstValid ? .highestPriority : .firstValid
            settings.setNomination(name: name)
            #expect(settings.nomination == strategy, "\(name)")
        }
    }

    @Test("profiles and hashes keep their order, and names that are none are skipped")
    func handshakes() {
        var settings = ShardSettings(localAddresses: [])
        settings.setHandshakes(
            profiles: ["SRTP_AES128_CM_HMAC_SHA1_80", "nonsense", "SRTP_AEAD_AES_256_GCM"],
            acceptedHashes: ["sha-1", "md2", "sha-512"], handshakeTimeout: .seconds(7))
        #expect(settings.dtls.profiles == [.aes128CMHMACSHA1_80, .aeadAES256GCM])
        #expect(settings.dtls.acceptedHashes == [.sha1, .sha512])
        #expect(settings.dtls.handshakeTimeout == .seconds(7))
    }

    @Test("the fingerprint's hash has a name; without one it is SHA-256")
    func identity() {
        var settings = ShardSettings(localAddresses: [])
        settings.setIdentity(cipherList: "A:B", fingerprintHash: "sha-512")
        #expect(settings.identity.cipherList == "A:B" && settings.identity.fingerprintHash == .sha512)
        settings.setIdentity(cipherList: "A", fingerprintHash: "md2")
        #expect(settings.identity.cipherList == "A" && settings.identity.fingerprintHash == .sha256)
    }
}
