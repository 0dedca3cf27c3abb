// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

@Suite("SRTP vectors of the RFCs")
struct VectorTests {
    /// RFC 3711 appendix B.2.
    @Test("AES-CM gives the published key stream, across the carry of the counter")
    func keyStream() {
        let cipher = AESCTR(key: [UInt8](hex: "2B7E151628AED2A6ABF7158809CF4F3C"))
        let salt = VectorSalt([UInt8](hex: "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"), isAEAD: false)
        let zeros = [UInt8](repeating: 0, count: 0xFF02 * 16)
        var stream = zeros
        var vector = salt.vector(ssrc: 0, index: 0)
        let done = stream.withUnsafeMutableBytes { output in
            zeros.withUnsafeBytes { input in
                withUnsafePointer(to: &vector) {
                    cipher.apply(vector: UnsafeRawPointer($0), input: input, output: output.baseAddress!)
                }
            }
        }
        #expect(done)
        func block(_ number: Int) -> [UInt8] { Array(stream[number * 16..<number * 16 + 16]) }
        #expect(block(0) == [UInt8](hex: "E03EAD0935C95E80E166B16DD92B4EB4"))
        #expect(block(1) == [UInt8](hex: "D23513162B02D0F72A43A2FE4A5F97AB"))
        #expect(block(2) == [UInt8](hex: "41E95B3BB0A2E8DD477901E4FCA894C0"))
        #expect(block(0xFEFF) == [UInt8](hex: "EC8CDF7398607CB0F2D21675EA9EA1E4"))
        #expect(block(0xFF00) == [UInt8](hex: "362B7C3C6773516318A077D7FC5073AE"))
        #expect(block(0xFF01) == [UInt8](hex: "6A2CC3787889374FBEB4C81B17BA6C44"))
    }

    /// RFC 3711 appendix B.3.
    @Test("session keys are derived as published")
    func keyDerivation() {
        let keys = SessionKeys(
            profile: .aes128CMHMACSHA1_80, masterKey: [UInt8](hex: "E1F97A0D3E018BE0D64FA32C06DE4139"),
            masterSalt: [UInt8](hex: "0EC675AD498AFEEBB6960B3AABE6"), isControl: false)
        #expect(keys.encryption == [UInt8](hex: "C61E7A93744F39EE10734AFE3FF7A087"))
        #expect(keys.salt == [UInt8](hex: "30CBBC08863D8C85D49DB34A9AE1"))
        #expect(keys.authentication == [UInt8](hex: "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"))
    }

    struct Published: Sendable {
        var profile: SRTPProfile
        var key: String
        var rtp: String
        var rtcp: String
    }

    static let salt = "517569642070726f2071756f"
    static let plainRTP =
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070"
        + "61727465 73207472 6573"
    static let plainRTCP =
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef"
        + "deadbeef deadbeef deadbeef deadbeef"
    /// RFC 7714 16.1, 17.1 and 16.2, 17.2.
    static let published = [
        Published(
            profile: .aeadAES128GCM, key: "000102030405060708090a0b0c0d0e0f",
            rtp: "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a"
                + "51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
            rtcp: "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda"
                + "4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4"),
        Published(
            profile: .aeadAES256GCM, key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            rtp: "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02"
                + "76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
            rtcp: "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be"
                + "8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4"),
    ]

    @Test("an RTP packet is sealed and opened as published", arguments: published, engines)
    func gcmPacket(_ vector: Published, engine: SRTPEngine) {
        let keys = SessionKeys(encryption: [UInt8](hex: vector.key), authentication: [], salt: [UInt8](hex: Self.salt))
        var sender = SRTPSender(
            DirectionCiphers(profile: vector.profile, keys: keys, controlKeys: keys, engine: engine))
        var receiver = SRTPReceiver(
            DirectionCiphers(profile: vector.profile, keys: keys, controlKeys: keys, engine: engine),
            SRTPSettings(engine: engine))
        let plain = [UInt8](hex: Self.plainRTP)
        var packet = TestPacket(sequence: 0, payload: Array(plain[12...]))
        packet.header = Array(plain[..<12])
        let sealed = protect(&sender, packet)
        #expect(sealed == [UInt8](hex: vector.rtp))
        #expect(unprotect(&receiver, [UInt8](hex: vector.rtp)) == .success(plain))
    }

    @Test("an RTCP packet is opened as published", arguments: published, engines)
    func gcmControlPacket(_ vector: Published, engine: SRTPEngine) {
        let keys = SessionKeys(encryption: [UInt8](hex: vector.key), authentication: [], salt: [UInt8](hex: Self.salt))
        var receiver = SRTPReceiver(
            DirectionCiphers(profile: vector.profile, keys: keys, controlKeys: keys, engine: engine),
            SRTPSettings(engine: engine))
        #expect(unprotectControl(&receiver, [UInt8](hex: vector.rtcp)) == .success([UInt8](hex: Self.plainRTCP)))
    }

    /// RFC 7714 17.3.
    @Test("an RTCP packet that is only authenticated is accepted", arguments: engines)
    func taggedOnly(_ engine: SRTPEngine) {
        let keys = SessionKeys(
            encryption: [UInt8](hex: Self.published[0].key), authentication: [], salt: [UInt8](hex: Self.salt))
        var receiver = SRTPReceiver(
            DirectionCiphers(profile: .aeadAES128GCM, keys: keys, controlKeys: keys, engine: engine),
            SRTPSettings(engine: engine))
        let packet = [UInt8](hex: Self.plainRTCP + "841dd968 3dd78ec9 2ae58790 125f62b3 000005d4")
        var damaged = packet
        damaged[20] ^= 1
        let result = damaged.withUnsafeMutableBytes { receiver.unprotectRTCP($0) }
        #expect(result == .failure(.authentication))
        #expect(damaged[20] == packet[20] ^ 1 && damaged[36...] == packet[36...], "it is unchanged")
        #expect(unprotectControl(&receiver, packet) == .success([UInt8](hex: Self.plainRTCP)))
    }

    /// The packet with which libsrtp2 checks itself.
    @Test("an AES-CM packet is sealed and opened as published", arguments: engines)
    func counterModePacket(_ engine: SRTPEngine) {
        let settings = SRTPSettings(engine: engine)
        let key = [UInt8](hex: "e1f97a0d3e018be0d64fa32c06de4139")
        let salt = [UInt8](hex: "0ec675ad498afeebb6960b3aabe6")
        let sealed = [UInt8](hex: "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
        let plain = [UInt8](hex: "800f1234decafbadcafebabe") + [UInt8](repeating: 0xAB, count: 16)
        var sender = SRTPSender(profile: .aes128CMHMACSHA1_80, key: key, salt: salt, settings: settings)
        var receiver = SRTPReceiver(profile: .aes128CMHMACSHA1_80, key: key, salt: salt, settings: settings)
        var packet = TestPacket(sequence: 0, payload: Array(plain[12...]))
        packet.header = Array(plain[..<12])
        #expect(protect(&sender, packet) == sealed)
        #expect(unprotect(&receiver, sealed) == .success(plain))
    }
}
