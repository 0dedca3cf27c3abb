// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@Suite("Digests, MACs and Base64")
struct DigestTests {
    private func text(_ text: String) -> [UInt8] { [UInt8](text.utf8) }

    @Test("digests of \"abc\" are the published ones (FIPS 180-4)")
    func digests() {
        let abc = text("abc")
        #expect(MessageDigest.sha1(abc.rawSpan) == [UInt8](hex: "a9993e364706816aba3e25717850c26c9cd0d89d"))
        #expect(
            MessageDigest.sha256(abc.rawSpan)
                == [UInt8](hex: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
        #expect(
            MessageDigest.sha384(abc.rawSpan)
                == [UInt8](
                    hex: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                        + "8086072ba1e7cc2358baeca134c825a7"))
        #expect(
            MessageDigest.sha512(abc.rawSpan)
                == [UInt8](
                    hex: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"))
        #expect(
            MessageDigest.sha256([UInt8]().rawSpan)
                == [UInt8](hex: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
    }

    /// RFC 2202 section 3.
    static let hmacVectors: [(key: [UInt8], message: [UInt8], tag: String)] = [
        ([UInt8](repeating: 0x0B, count: 20), [UInt8]("Hi There".utf8), "b617318655057264e28bc0b6fb378c8ef146be00"),
        (
            [UInt8]("Jefe".utf8), [UInt8]("what do ya want for nothing?".utf8),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        ),
        (
            [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
            "125d7342b9ac11cd91a39af48aa17b4f63f175d3"
        ),
        (
            [UInt8](repeating: 0xAA, count: 80), [UInt8]("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112"
        ),
    ]

    @Test("HMAC-SHA1 gives the published tags, in one go and in two parts", arguments: 0..<hmacVectors.count)
    func hmacSHA1(_ number: Int) {
        let (key, message, hex) = Self.hmacVectors[number]
        let tag = [UInt8](hex: hex)
        #expect(MessageDigest.hmacSHA1(key: key, message.rawSpan) == tag)
        let mac = HMACSHA1(key: key)
        for cut in 0...message.count {
            var result = [UInt8](repeating: 0, count: HMACSHA1.tagBytes)
            message.withUnsafeBytes { bytes in
                mac.compute(
                    UnsafeRawBufferPointer(rebasing: bytes[..<cut]), UnsafeRawBufferPointer(rebasing: bytes[cut...]),
                    into: &result)
            }
            #expect(result == tag)
        }
    }

    /// RFC 4231 section 4.3.
    @Test("HMAC-SHA256 gives the published tag, also for an empty key")
    func hmacSHA256() {
        #expect(
            MessageDigest.hmac(.sha256, key: text("Jefe"), text("what do ya want for nothing?").rawSpan)
                == [UInt8](hex: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"))
        #expect(
            MessageDigest.hmac(.sha256, key: [], [UInt8]().rawSpan)
                == [UInt8](hex: "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"))
    }

    /// RFC 6070 for SHA-1, RFC 7914 section 11 for SHA-256.
    @Test("PBKDF2 gives the published keys and refuses senseless iteration counts")
    func pbkdf2() {
        #expect(
            MessageDigest.pbkdf2(password: text("password"), salt: text("salt"), iterations: 4_096, hash: .sha1)
                == [UInt8](hex: "4b007901b765489abead49d926f721d065a429c1"))
        #expect(
            MessageDigest.pbkdf2(password: text("passwd"), salt: text("salt"), iterations: 1, hash: .sha256)
                == [UInt8](hex: "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"))
        for iterations in [0, -1, OpenSSLLimits.pbkdf2Iterations + 1] {
            #expect(MessageDigest.pbkdf2(password: [1], salt: [2], iterations: iterations, hash: .sha1) == nil)
        }
    }

    @Test("comparison in constant time compares")
    func comparison() {
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
        #expect(constantTimeEqual([], []))
    }

    /// RFC 4648 section 10.
    @Test(
        "Base64 gives the published texts and takes them back",
        arguments: [
            "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
            "foobar": "Zm9vYmFy",
        ])
    func base64(plain: String, encoded: String) {
        #expect(Base64.encode(text(plain)) == encoded)
        #expect(Base64.decode(encoded) == text(plain))
    }

    @Test(
        "Base64 that is not canonical is refused",
        arguments: [
            "Zg=", "Zg", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zg==Zg==", "Zm-_", "Zm9vé", "=m9v", "Z=9v",
        ])
    func base64Refused(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("Base64 never traps and takes back what it made")
    func base64Property() {
        let failure = checkProperty { random in
            let bytes = random.bytes(random.int(in: 0...50))
            if Base64.decode(Base64.encode(bytes)) != bytes { return "\(bytes)" }
            let damaged = String(decoding: mutate([UInt8](Base64.encode(bytes).utf8), using: &random), as: UTF8.self)
            if let decoded = Base64.decode(damaged), Base64.encode(decoded) != damaged {
                return "two texts: \(damaged)"
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("random numbers differ and have the asked length")
    func random() {
        #expect(SecureRandom.bytes(0) == [])
        #expect(SecureRandom.bytes(33).count == 33)
        #expect(Set((0..<100).map { _ in SecureRandom.uint64() }).count == 100)
        #expect(Set((0..<20).map { _ in SecureRandom.uint32() }).count > 15)
    }
}
