// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// A cipher in counter mode, keyed.
protocol KeyStream: ~Copyable {
    /// Applies the key stream that starts at the 16-byte block `vector`; see `AESCTR`.
    func apply(vector: UnsafeRawPointer, input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer) -> Bool
}

extension AESCTR: KeyStream {}

/// AES in counter mode with a truncated HMAC-SHA1 (RFC 3711 4.1.1, 4.2.1), one packet at a time.
struct CounterModeTransform<Cipher: KeyStream & ~Copyable>: ~Copyable {
    private let cipher: Cipher
    private let mac: HMACSHA1
    private let salt: VectorSalt
    private let tagBytes: Int

    /// A transform for these keys.
    init(_ keys: SessionKeys, cipher: consuming Cipher, tagBytes: Int) {
        self.cipher = cipher
        mac = HMACSHA1(key: keys.authentication)
        salt = VectorSalt(keys.salt, isAEAD: false)
        self.tagBytes = tagBytes
    }

    /// See ``PacketCipher``.
    func seal(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout
    ) -> Bool {
        guard encrypt(ssrc: ssrc, index: index, payload: payload, into: slot, layout) else { return false }
        withTag(slot, layout) { (slot + layout.tagOffset).copyMemory(from: $0, byteCount: tagBytes) }
        return true
    }

    /// Encrypts and writes no tag.
    @inline(__always)
    func encrypt(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout
    ) -> Bool {
        let input = UnsafeRawBufferPointer(start: payload, count: layout.payloadBytes)
        return apply(ssrc, index, input, slot + layout.headerBytes)
    }

    /// See ``PacketCipher``. The tag is checked before anything is decrypted.
    func open(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        guard check(packet: packet, layout) else { return false }
        let start = packet + layout.headerBytes
        return apply(ssrc, index, UnsafeRawBufferPointer(start: start, count: layout.payloadBytes), start)
    }

    /// See ``PacketCipher``.
    func check(packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        withTag(packet, layout) { constantTimeEqual($0, packet + layout.tagOffset, count: tagBytes) }
    }

    @inline(__always)
    private func apply(
        _ ssrc: UInt32, _ index: UInt64, _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawPointer
    ) -> Bool {
        var vector = salt.vector(ssrc: ssrc, index: index)
        return withUnsafeMutablePointer(to: &vector) {
            cipher.apply(vector: UnsafeRawPointer($0), input: input, output: output)
        }
    }

    /// Computes the tag over header, payload and trailer.
    @inline(__always)
    private func withTag<R>(
        _ packet: UnsafeMutableRawPointer, _ layout: PacketLayout, _ body: (UnsafeRawPointer) -> R
    ) -> R {
        // 20 bytes of tag, then the trailer as the wire has it.
        var block: (UInt64, UInt64, UInt32, UInt32) = (0, 0, 0, layout.trailer.bigEndian)
        return withUnsafeMutablePointer(to: &block) { place in
            let tag = UnsafeMutableRawPointer(place)
            let trailer = UnsafeRawBufferPointer(start: UnsafeRawPointer(tag) + HMACSHA1.tagBytes, count: 4)
            let covered = UnsafeRawBufferPointer(start: packet, count: layout.headerBytes + layout.payloadBytes)
            mac.compute(covered, trailer, into: tag.assumingMemoryBound(to: UInt8.self))
            return body(UnsafeRawPointer(tag))
        }
    }
}
