// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@Suite("Ciphers")
struct CipherTests {
    private func seal(_ cipher: borrowing AESGCM, _ vector: [UInt8], _ additional: [UInt8], _ text: [UInt8]) -> [UInt8]
    {
        var output = [UInt8](repeating: 0, count: text.count + 16)
        output.withUnsafeMutableBytes { output in
            vector.withUnsafeBytes { vector in
                additional.withUnsafeBytes { additional in
                    text.withUnsafeBytes { text in
                        _ = cipher.seal(
                            vector: vector.baseAddress!,
                            additional: UnsafeRawBufferPointer(rebasing: additional.prefix(5)),
                            moreAdditional: UnsafeRawBufferPointer(rebasing: additional.dropFirst(5)), input: text,
                            output: output.baseAddress!, tag: output.baseAddress! + text.count)
                    }
                }
            }
        }
        return output
    }

    private func open(_ cipher: borrowing AESGCM, _ vector: [UInt8], _ additional: [UInt8], _ sealed: [UInt8])
        -> [UInt8]?
    {
        var buffer = sealed
        let count = sealed.count - 16
        let isGenuine = buffer.withUnsafeMutableBytes { bytes in
            vector.withUnsafeBytes { vector in
                additional.withUnsafeBytes { additional in
                    cipher.open(
                        vector: vector.baseAddress!, additional: additional,
                        moreAdditional: UnsafeRawBufferPointer(start: nil, count: 0),
                        input: UnsafeRawBufferPointer(rebasing: bytes[..<count]), output: bytes.baseAddress!,
                        tag: bytes.baseAddress! + count)
                }
            }
        }
        return isGenuine ? Array(buffer.prefix(count)) : nil
    }

    /// "The Galois/Counter Mode of Operation", test cases 4 and 16.
    @Test("AES-GCM gives the published ciphertexts")
    func gcm() {
        let text = [UInt8](
            hex: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
                + "b16aedf5aa0de657ba637b39")
        let additional = [UInt8](hex: "feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let vector = [UInt8](hex: "cafebabefacedbaddecaf888")
        let short = AESGCM(key: [UInt8](hex: "feffe9928665731c6d6a8f9467308308"))
        #expect(
            seal(short, vector, additional, text)
                == [UInt8](
                    hex:
                        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                        + "21d514b25466931c7d8f6a5aac84aa05"
                        + "1ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"))
        let long = AESGCM(key: [UInt8](hex: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
        let sealed = seal(long, vector, additional, text)
        #expect(
            sealed
                == [UInt8](
                    hex:
                        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                        + "8cb08e48590dbb3da7b08b1056828838"
                        + "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"))
        #expect(open(long, vector, additional, sealed) == text)
    }

    @Test("AES-GCM refuses a flipped bit anywhere, and one context both seals and opens")
    func gcmProperty() {
        let failure = checkProperty(cases: 300) { random in
            let cipher = AESGCM(key: random.bytes(random.int(in: 0...1) == 0 ? 16 : 32))
            let vector = random.bytes(12)
            let additional = random.bytes(5 + random.int(in: 0...20))
            let text = random.bytes(random.int(in: 0...100))
            var sealed = seal(cipher, vector, additional, text)
            if open(cipher, vector, additional, sealed) != text { return "not opened" }
            sealed[random.int(in: 0...sealed.count - 1)] ^= 1 << UInt8(random.int(in: 0...7))
            return open(cipher, vector, additional, sealed) == nil ? nil : "opened after damage"
        }
        #expect(failure == nil)
    }
}
