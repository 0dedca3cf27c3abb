// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import IPsecMB
internal import OpenSSL

/// AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714), by libipsec-mb, which takes the additional data in one piece.
struct MultiBufferGCMTransform: ~Copyable {
    private let cipher: MultiBufferGCM
    private let salt: VectorSalt
    private let isControl: Bool

    /// A transform for these keys.
    init(_ keys: SessionKeys, _ library: IPsecMB, isControl: Bool) {
        cipher = MultiBufferGCM(library, key: keys.encryption)
        salt = VectorSalt(keys.salt, isAEAD: true)
        self.isControl = isControl
    }

    /// See ``PacketCipher``.
    @inline(__always)
    func seal(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout
    ) -> Bool {
        withVector(ssrc, index) { vector in
            withAdditional(slot, layout) { additional in
                cipher.seal(
                    vector: vector, additional: additional,
                    input: UnsafeRawBufferPointer(start: payload, count: layout.payloadBytes),
                    output: slot + layout.headerBytes, tag: slot + layout.tagOffset)
            }
        }
        return true
    }

    /// See ``PacketCipher``.
    func open(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        withVector(ssrc, index) { vector in
            withAdditional(packet, layout) { additional in
                let payload = packet + layout.headerBytes
                let input = UnsafeRawBufferPointer(start: payload, count: layout.payloadBytes)
                let isGenuine = withExpectedTag { expected in
                    cipher.open(
                        vector: vector, additional: additional, input: input, output: payload, expectedTag: expected)
                    return constantTimeEqual(expected, packet + layout.tagOffset, count: MultiBufferGCM.tagBytes)
                }
                if isGenuine { return true }
                // GCM decrypts before it knows; encrypted again it is what it was.
                withExpectedTag { unused in
                    cipher.seal(vector: vector, additional: additional, input: input, output: payload, tag: unused)
                }
                return false
            }
        }
    }

    /// RFC 7714 9.3: without the E-flag the whole packet and the index word are additional data. The word has to stand
    /// right behind the packet while it is looked at, where the tag is.
    func check(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        let place = packet + layout.tagOffset
        let tag = place.loadUnaligned(as: Tag.self)
        place.storeBytes(of: layout.trailer.bigEndian, as: UInt32.self)
        let isGenuine = withVector(ssrc, index) { vector in
            withExpectedTag { expected in
                cipher.open(
                    vector: vector, additional: UnsafeRawBufferPointer(start: packet, count: layout.tagOffset + 4),
                    input: UnsafeRawBufferPointer(start: nil, count: 0), output: packet, expectedTag: expected)
                return withUnsafeBytes(of: tag) { given in
                    given.baseAddress.map { constantTimeEqual(expected, $0, count: given.count) } ?? false
                }
            }
        }
        place.storeBytes(of: tag, as: Tag.self)
        return isGenuine
    }

    /// The bytes of a tag.
    private typealias Tag = InitialVector

    @inline(__always)
    private func withExpectedTag<R>(_ body: (UnsafeMutableRawPointer) -> R) -> R {
        var tag = Tag(high: 0, low: 0)
        return withUnsafeMutablePointer(to: &tag) { body(UnsafeMutableRawPointer($0)) }
    }

    /// Puts the vector into memory as the wire has it.
    @inline(__always)
    private func withVector<R>(_ ssrc: UInt32, _ index: UInt64, _ body: (UnsafeRawPointer) -> R) -> R {
        var vector = salt.vector(ssrc: ssrc, index: index)
        return withUnsafeMutablePointer(to: &vector) { body(UnsafeRawPointer($0)) }
    }

    /// RFC 7714 8.2, 9.2: the header, and for SRTCP, whose header has 8 bytes, E-flag and index after it.
    @inline(__always)
    private func withAdditional<R>(
        _ packet: UnsafeMutableRawPointer, _ layout: PacketLayout, _ body: (UnsafeRawBufferPointer) -> R
    ) -> R {
        guard isControl else { return body(UnsafeRawBufferPointer(start: packet, count: layout.headerBytes)) }
        var block = (packet.loadUnaligned(as: UInt64.self), layout.trailer.bigEndian)
        return withUnsafeMutablePointer(to: &block) {
            body(UnsafeRawBufferPointer(start: UnsafeRawPointer($0), count: 12))
        }
    }
}
