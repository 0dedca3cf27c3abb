// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import BridgeConfiguration
import Conferencing
import DTLS
import Forwarding
import ICE
import IPsecMB
import OpenSSL
import Primitives
import SRTP
import TestSupport
import Testing

@testable import ControlPlane

@Suite("What the configuration means for the media plane")
struct MediaSettingsTests {
    private func shard(_ text: String) throws -> ShardSettings {
        MediaSetup.shard(try BridgeSettings.load(Array(text.utf8), file: "jvb.conf").settings)
    }

    @Test("how layers are chosen: the original's values, and each key where it belongs")
    func layers() throws {
        let defaults = try shard("")
        #expect(defaults.allocation == AllocationSettings())
        #expect(defaults.allocationSchedule == AllocationSchedule())
        #expect(defaults.estimates == EstimatePolicy())
        #expect(defaults.lastN == LastNLimits())
        #expect(defaults.brake == RateBrakeSettings())
        let shard = try shard(
            """
            videobridge {
              cc {
                bwe-change-threshold = 0.3, onstage-preferred-height-px = 540, onstage-preferred-framerate = 15
                allow-oversend-onstage = false, max-oversend-bitrate = 700 kbps, trust-bwe = false
                max-time-between-calculations = 2 seconds, assumed-bandwidth-limit = 10 mbps
                initial-ignore-bwe-period = 3 seconds
              }
              ssrc-limit { video = 20, audio = 30 }
            }
            jmt.bwe.estimator { initial-bw = 1 mbps, min-bw = 50 kbps, max-bw = 8 mbps }
            """)
        #expect(shard.allocation.preferredHeight == 540)
        #expect(shard.allocation.preferredFrameRate == FrameRate(perSecond: 15))
        #expect(!shard.allocation.allowsOversending)
        #expect(shard.allocationSchedule.changeThreshold == 300)
        #expect(shard.allocationSchedule.maxInterval == .seconds(2.0))
        #expect(!shard.estimates.trustsEstimates)
        #expect(shard.estimates.ignorePeriod == .seconds(3.0))
        #expect(shard.estimates.assumedLimit == 10_000_000)
        #expect(shard.lastN.slots == 20)
        #expect(shard.audioSlots == 30)
        #expect(shard.brake.initial == 1_000_000)
        #expect(shard.brake.floor == 50_000)
        #expect(shard.brake.ceiling == 8_000_000)
    }

    @Test("an empty file means the original's values in effect")
    func defaults() throws {
        let shard = try shard("")
        #expect(shard.consent.interval == .seconds(5 as Int64))
        #expect(shard.consent.isRandomized)
        #expect(shard.consent.firstWait == .milliseconds(500))
        #expect(shard.consent.maxWait == .milliseconds(500))
        #expect(shard.consent.retransmissions == 5)
        #expect(shard.nomination == .firstHostOrReflexiveValid)
        #expect(shard.stunSoftware == "Viaduct")
        #expect(shard.dtls.handshakeTimeout == .seconds(30 as Int64))
        #expect(shard.dtls.acceptedHashes == [.sha512, .sha384, .sha256, .sha1])
        #expect(shard.dtls.profiles == [.aeadAES128GCM, .aes128CMHMACSHA1_80])
        #expect(shard.identity.cipherList == DTLSIdentity.cipherList)
        #expect(shard.identity.fingerprintHash == .sha256)
        #expect(shard.keyframes.interval == .milliseconds(200))
        #expect(shard.keyframes.quota == 3)
        #expect(shard.keyframes.quotaInterval == .seconds(10 as Int64))
        #expect(shard.keyframes.sourceInterval == .milliseconds(200))
        #expect(shard.keyframes.sourceQuota == 1)
        #expect(shard.keyframes.sourceQuotaInterval == .milliseconds(200))
        #expect(shard.discardsSilence)
        #expect(shard.silentPackets == 3)
        #expect(shard.redundancy.policy == .pass)
        #expect(shard.redundancy.distance == 2)
        #expect(shard.redundancy.isForVoiceOnly)
        #expect(shard.discardedEarly == 0)
        #expect(shard.speech.recentSpeakers == 10)
        #expect(!shard.speech.detectsSilence)
        #expect(!shard.speech.routesLoudestOnly)
        #expect(shard.speech.loudest == 3)
        #expect(shard.speech.alwaysRoutesDominant)
        #expect(shard.speech.energyLifetime == .milliseconds(150))
        #expect(shard.speech.energyAlpha == 50)
        #expect(shard.inactivityLimit == .seconds(8 as Int64))
        #expect(shard.inactivityTimeout == .seconds(60 as Int64))
        #expect(shard.firstActivityTimeout == .seconds(120 as Int64))
    }

    @Test("every setting of ICE, DTLS, SRTP, key frames and silence arrives at the worker")
    func everything() throws {
        let shard = try shard(
            """
            ice4j.consent-freshness { interval = 15 s, original-wait-interval = 200 ms, max-wait-interval = 2 s
              max-retransmissions = 30, randomize-interval = false }
            ice4j.software = ""
            videobridge.ice { nomination-strategy = NominateBestRTT, ufrag-prefix = "node7/" }
            jmt.dtls { handshake-timeout = 12 s, local-fingerprint-hash-function = sha-384
              cipher-suites = [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
              accepted-fingerprint-hash-functions = [sha-256, sha-1] }
            jmt.srtp.protection-profiles = [SRTP_AES128_CM_HMAC_SHA1_32, SRTP_AEAD_AES_256_GCM,
              SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AEAD_AES_128_GCM]
            jmt.keyframe { min-interval = 1 s, max-requests = 7, max-request-interval = 20 s
              source-wide-min-interval = 300 ms, source-wide-max-requests = 2, source-wide-max-request-interval = 3 s }
            jmt.audio.level { discard-silence = false, forwarded-silence-packets-limit = 9 }
            jmt.audio.red { policy = PROTECT_ALL, distance = ONE, vad-only = false }
            jmt.srtp.max-consecutive-packets-discarded-early = 1000
            videobridge.speech-activity { recent-speakers-count = 30, enable-silence-detection = true
              silence-detection-timeout = 5 s }
            videobridge.loudest { route-loudest-only = true, num-loudest = 4, always-route-dominant = false
              energy-expire-time = 200 ms, energy-alpha-pct = 30 }
            videobridge.ep-connection-status.max-inactivity-limit = 6 s
            """)
        #expect(shard.consent.interval == .seconds(15 as Int64))
        #expect(!shard.consent.isRandomized)
        #expect(shard.consent.firstWait == .milliseconds(200))
        #expect(shard.consent.maxWait == .seconds(2 as Int64))
        #expect(shard.consent.retransmissions == 30)
        #expect(shard.nomination == .bestRoundTrip)
        #expect(shard.stunSoftware.isEmpty)
        #expect(shard.ufragPrefix == "node7/")
        #expect(shard.dtls.handshakeTimeout == .seconds(12 as Int64))
        #expect(shard.dtls.acceptedHashes == [.sha256, .sha1])
        #expect(
            shard.dtls.profiles == [.aes128CMHMACSHA1_32, .aeadAES256GCM, .aes128CMHMACSHA1_80, .aeadAES128GCM])
        #expect(shard.identity.cipherList == "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256")
        #expect(shard.identity.fingerprintHash == .sha384)
        #expect(shard.keyframes.interval == .seconds(1 as Int64))
        #expect(shard.keyframes.quota == 7)
        #expect(shard.keyframes.quotaInterval == .seconds(20 as Int64))
        #expect(shard.keyframes.sourceInterval == .milliseconds(300))
        #expect(shard.keyframes.sourceQuota == 2)
        #expect(shard.keyframes.sourceQuotaInterval == .seconds(3 as Int64))
        #expect(!shard.discardsSilence)
        #expect(shard.silentPackets == 9)
        #expect(shard.redundancy.policy == .protect)
        #expect(shard.redundancy.distance == 1)
        #expect(!shard.redundancy.isForVoiceOnly)
        #expect(shard.discardedEarly == 1_000)
        #expect(shard.speech.recentSpeakers == 30)
        #expect(shard.speech.detectsSilence)
        #expect(shard.speech.silenceTimeout == .seconds(5 as Int64))
        #expect(shard.speech.routesLoudestOnly)
        #expect(shard.speech.loudest == 4)
        #expect(!shard.speech.alwaysRoutesDominant)
        #expect(shard.speech.energyLifetime == .milliseconds(200))
        #expect(shard.speech.energyAlpha == 30)
        #expect(shard.inactivityLimit == .seconds(6 as Int64))
    }

    @Test("a prefix of user fragments is accepted exactly when ICE can use it")
    func ufragPrefix() {
        let prefixes =
            (0x20..<0x7F).map { String(UnicodeScalar($0)) } + [
                "é", "Ω", "٣", String(repeating: "a", count: 64), String(repeating: "a", count: 65),
            ]
        for prefix in prefixes where prefix != "\"" && prefix != "\\" {
            let isAccepted = (try? shard("videobridge.ice.ufrag-prefix = \"\(prefix)\"")) != nil
            #expect(isAccepted == UserFragment.isValid(prefix: prefix), "\(prefix)")
        }
    }

    @Test("every cipher suite that the table offers is known to OpenSSL")
    func cipherSuites() throws {
        let entry = try #require(SettingsTable.entries.first { $0.path == "jmt.dtls.cipher-suites" })
        guard case .choices(let names) = entry.type else {
            Issue.record("the type of the setting has changed")
            return
        }
        for name in names {
            let shard = try shard("jmt.dtls.cipher-suites = [\(name)]")
            #expect(!shard.identity.cipherList.isEmpty)
            #expect(throws: Never.self) { try DTLSIdentity(wallSeconds: 1_700_000_000, settings: shard.identity) }
        }
    }

    @Test("the SRTP engine is the wanted one; one that is wanted and absent is named with setting, reason and cure")
    func engine() throws {
        func engine(
            _ text: String, _ library: Result<IPsecMB, IPsecMBError> = IPsecMB.installed
        ) throws -> SRTPEngineSelection {
            try MediaSetup.engine(BridgeSettings.load(Array(text.utf8), file: "jvb.conf").settings, library: library)
        }
        #expect(try engine("", .failure(.notFound)).engine.name == "evp")
        #expect(try engine("viaduct.srtp.engine = evp").engine.name == "evp")
        #expect(try engine("").reason == IPsecMB.installed.reason)
        do {
            _ = try engine("viaduct.srtp.engine = ipsec-mb", .failure(.notFound))
            Issue.record("an absent engine was chosen")
        } catch let failure as BridgeFailure {
            for part in ["viaduct.srtp.engine = ipsec-mb", IPsecMBError.notFound.description, "auto"] {
                #expect(failure.description.contains(part))
            }
        }
        #expect(throws: (any Error).self) { try engine("viaduct.srtp.engine = fast") }
    }
}

extension Result where Success == IPsecMB, Failure == IPsecMBError {
    fileprivate var reason: String? { if case .failure(let error) = self { error.description } else { nil } }
}
