// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

extension EngineSelfTest {
    /// RFC 7714 16.1, 17.1, 16.2, 17.2 and 17.3; for AES-CM the packet that libsrtp2 checks itself with.
    static let vectors: [Vector] =
        [
            gcm(
                .aeadAES128GCM, key: "000102030405060708090a0b0c0d0e0f",
                rtp: "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb1"
                    + "6a9152cf765ee4390cce",
                rtcp: "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b"
                    + "c84aa45896cf4d2fc5abf87245d9eade800005d4"),
            gcm(
                .aeadAES256GCM, key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                rtp: "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfff"
                    + "d6b0f9bb7878d7a76c13",
                rtcp: "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad"
                    + "1d1eb30c4446839f57ff6f6cb26ac3be800005d4"),
            [
                Vector(
                    profile: .aeadAES128GCM, key: bytes("000102030405060708090a0b0c0d0e0f"), salt: bytes(salt),
                    isDerived: true, plain: bytes(report),
                    protected: bytes(report + "841dd9683dd78ec92ae58790125f62b3000005d4"), isControl: true),
                Vector(
                    profile: .aes128CMHMACSHA1_80, key: bytes("e1f97a0d3e018be0d64fa32c06de4139"),
                    salt: bytes("0ec675ad498afeebb6960b3aabe6"), isDerived: false,
                    plain: bytes("800f1234decafbadcafebabeabababababababababababababababab"),
                    protected: bytes(
                        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")),
            ],
        ].flatMap { $0 }

    private static let salt = "517569642070726f2071756f"
    private static let report =
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"

    private static func gcm(_ profile: SRTPProfile, key: String, rtp: String, rtcp: String) -> [Vector] {
        let header = "8040f17b8041f8d35501a0b2"
        let text = "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
        return [
            Vector(
                profile: profile, key: bytes(key), salt: bytes(salt), isDerived: true, plain: bytes(header + text),
                protected: bytes(header + rtp)),
            Vector(
                profile: profile, key: bytes(key), salt: bytes(salt), isDerived: true, plain: bytes(report),
                protected: bytes("81c8000d4d617273" + rtcp), isControl: true),
        ]
    }

    /// The bytes of a hexadecimal text.
    private static func bytes(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
