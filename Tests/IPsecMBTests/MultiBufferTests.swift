// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import IPsecMB
import Primitives
import TestSupport
import Testing

// Elsewhere there is no such library. Here the bootstrap installs it.
#if arch(x86_64)
private let library = try? IPsecMB.installed.get()

@Suite("libipsec-mb", .enabled(if: library != nil, "no libipsec-mb: run make bootstrap"))
struct MultiBufferTests {
    @Test("it says which it is")
    func identity() throws {
        let library = try #require(library)
        #expect(library.version.hasPrefix("1.3."))
        #expect(["SSE", "AVX", "AVX2", "AVX512"].contains(library.architecture))
    }

    private func seal(
        _ cipher: borrowing MultiBufferGCM, _ vector: [UInt8], _ additional: [UInt8], _ text: [UInt8]
    ) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: text.count + 16)
        output.withUnsafeMutableBytes { output in
            vector.withUnsafeBytes { vector in
                additional.withUnsafeBytes { additional in
                    text.withUnsafeBytes { text in
                        cipher.seal(
                            vector: vector.baseAddress!, additional: additional, input: text,
                            output: output.baseAddress!, tag: output.baseAddress! + text.count)
                    }
                }
            }
        }
        return output
    }

    /// In place, as packets are.
    private func open(
        _ cipher: borrowing MultiBufferGCM, _ vector: [UInt8], _ additional: [UInt8], _ sealed: [UInt8]
    ) -> [UInt8]? {
        var buffer = sealed
        let count = sealed.count - 16
        var expected = [UInt8](repeating: 0, count: 16)
        buffer.withUnsafeMutableBytes { bytes in
            vector.withUnsafeBytes { vector in
                additional.withUnsafeBytes { additional in
                    expected.withUnsafeMutableBytes { expected in
                        cipher.open(
                            vector: vector.baseAddress!, additional: additional,
                            input: UnsafeRawBufferPointer(rebasing: bytes[..<count]), output: bytes.baseAddress!,
                            expectedTag: expected.baseAddress!)
                    }
                }
            }
        }
        return expected == Array(sealed[count...]) ? Array(buffer.prefix(count)) : nil
    }

    /// "The Galois/Counter Mode of Operation", test cases 4 and 16.
    @Test(
        "AES-GCM gives the published ciphertexts and takes them back",
        arguments: [
            (
                "feffe9928665731c6d6a8f9467308308",
                "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                    + "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"
            ),
            (
                "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                    + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
            ),
        ])
    func gcm(key: String, sealed: String) throws {
        let text = [UInt8](
            hex: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
                + "b16aedf5aa0de657ba637b39")
        let additional = [UInt8](hex: "feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let vector = [UInt8](hex: "cafebabefacedbaddecaf888")
        let cipher = MultiBufferGCM(try #require(library), key: [UInt8](hex: key))
        let ours = seal(cipher, vector, additional, text)
        #expect(ours == [UInt8](hex: sealed))
        let opened = open(cipher, vector, additional, ours)
        #expect(opened == text)
    }

    @Test("AES-GCM refuses a flipped bit anywhere")
    func gcmProperty() throws {
        let library = try #require(library)
        let failure = checkProperty(cases: 300) { random in
            let cipher = MultiBufferGCM(library, key: random.bytes(random.int(in: 0...1) == 0 ? 16 : 32))
            let vector = random.bytes(12)
            let additional = random.bytes(random.int(in: 0...100))
            let text = random.bytes(random.int(in: 0...1_500))
            var sealed = seal(cipher, vector, additional, text)
            if open(cipher, vector, additional, sealed) != text { return "not opened" }
            sealed[random.int(in: 0...sealed.count - 1)] ^= 1 << UInt8(random.int(in: 0...7))
            return open(cipher, vector, additional, sealed) == nil ? nil : "opened after damage"
        }
        #expect(failure == nil)
    }

    /// NIST SP 800-38A F.5.1 and F.5.5.
    @Test(
        "counter mode gives the published ciphertexts, also cut short",
        arguments: [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab"
                    + "1e031dda2fbe03d1792170a0f3009cee"
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988d"
                    + "dfc9c58db67aada613c2dd08457941a6"
            ),
        ])
    func counterMode(key: String, ciphertext: String) throws {
        let text = [UInt8](
            hex: "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52ef"
                + "f69f2445df4f9b17ad2b417be66c3710")
        let expected = [UInt8](hex: ciphertext)
        let vector = [UInt8](hex: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
        let cipher = MultiBufferCTR(try #require(library), key: [UInt8](hex: key))
        for count in 0...text.count {
            var output = [UInt8](repeating: 0xEE, count: count + 16)
            let isDone = output.withUnsafeMutableBytes { output in
                vector.withUnsafeBytes { vector in
                    text.withUnsafeBytes { text in
                        cipher.apply(
                            vector: vector.baseAddress!, input: UnsafeRawBufferPointer(rebasing: text[..<count]),
                            output: output.baseAddress!)
                    }
                }
            }
            #expect(isDone)
            #expect(Array(output[..<count]) == Array(expected[..<count]))
            #expect(output[count...].allSatisfy { $0 == 0xEE }, "wrote behind \(count) bytes")
        }
    }

    /// RFC 2202 section 3.
    @Test("HMAC-SHA1 gives the published tags in batches of every size, and nothing beside them")
    func macs() throws {
        let library = try #require(library)
        let vectors: [(key: [UInt8], message: [UInt8], tag: String)] = [
            ([UInt8](repeating: 0x0B, count: 20), [UInt8]("Hi There".utf8), "b617318655057264e28bc0b6fb378c8ef146be00"),
            (
                [UInt8]("Jefe".utf8), [UInt8]("what do ya want for nothing?".utf8),
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
            ),
            (
                [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
                "125d7342b9ac11cd91a39af48aa17b4f63f175d3"
            ),
        ]
        var queue = MACQueue(library)
        let messages = UnsafeMutableRawBufferPointer.allocate(byteCount: MACQueue.capacity * 96, alignment: 16)
        defer { messages.deallocate() }
        for batch in 1...MACQueue.capacity {
            for number in 0..<batch {
                let (key, message, _) = vectors[number % 3]
                let slot = UnsafeMutableRawBufferPointer(rebasing: messages[number * 96..<(number + 1) * 96])
                slot.initializeMemory(as: UInt8.self, repeating: 0xEE)
                slot.copyBytes(from: message)
                // The key is gone before the queue is finished.
                queue.add(
                    MACKey(library, key: key), UnsafeRawBufferPointer(rebasing: slot[..<message.count]),
                    tag: slot.baseAddress! + 64, tagBytes: number % 21)
            }
            #expect(queue.count == batch)
            let failed = queue.finish()
            #expect(failed == 0)
            #expect(queue.count == 0)
            for number in 0..<batch {
                let bytes = Array(messages[number * 96 + 64..<(number + 1) * 96])
                let tag = [UInt8](hex: vectors[number % 3].tag)
                let length = number % 21
                #expect(Array(bytes[..<length]) == Array(tag[..<length]))
                #expect(bytes[length...].allSatisfy { $0 == 0xEE })
            }
        }
        let nothing = queue.finish()
        #expect(nothing == 0)
    }

    @Test("two threads use the library at once without disturbing each other")
    func threads() async throws {
        let library = try #require(library)
        let vector = [UInt8](repeating: 1, count: 12)
        let results = await withTaskGroup(of: Int.self) { group in
            for number in 0..<4 as Range<UInt8> {
                group.addTask {
                    let cipher = MultiBufferGCM(library, key: [UInt8](repeating: number, count: 16))
                    let text = [UInt8](repeating: number, count: 100)
                    let first = self.seal(cipher, vector, [], text)
                    return (0..<2_000).count { _ in self.seal(cipher, vector, [], text) != first }
                }
            }
            return await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(results == [0, 0, 0, 0])
    }
}
#endif
