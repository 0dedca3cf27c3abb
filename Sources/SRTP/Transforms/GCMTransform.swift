// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714).
struct GCMTransform: ~Copyable {
    private let cipher: AESGCM
    private let salt: VectorSalt
    private let isControl: Bool

    /// A transform for these keys.
    init(_ keys: SessionKeys, isControl: Bool) {
        cipher = AESGCM(key: keys.encryption)
        salt = VectorSalt(keys.salt, isAEAD: true)
        self.isControl = isControl
    }

    /// See ``PacketCipher``.
    func seal(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout
    ) -> Bool {
        withVector(ssrc, index, layout.trailer) { vector, trailer in
            cipher.seal(
                vector: vector, additional: UnsafeRawBufferPointer(start: slot, count: layout.headerBytes),
                moreAdditional: isControl ? trailer : Self.nothing,
                input: UnsafeRawBufferPointer(start: payload, count: layout.payloadBytes),
                output: slot + layout.headerBytes, tag: slot + layout.tagOffset)
        }
    }

    /// See ``PacketCipher``.
    func open(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        let payload = UnsafeMutableRawBufferPointer(start: packet + layout.headerBytes, count: layout.payloadBytes)
        return withVector(ssrc, index, layout.trailer) { vector, trailer in
            let isGenuine = cipher.open(
                vector: vector, additional: UnsafeRawBufferPointer(start: packet, count: layout.headerBytes),
                moreAdditional: isControl ? trailer : Self.nothing, input: UnsafeRawBufferPointer(payload),
                output: packet + layout.headerBytes, tag: packet + layout.tagOffset)
            // GCM decrypts before it knows; the same key stream once more brings the ciphertext back.
            if !isGenuine { cipher.applyKeyStream(vector: vector, to: payload) }
            return isGenuine
        }
    }

    /// RFC 7714 9.3: without the E-flag the whole packet and the index word are additional data.
    func check(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        let covered = UnsafeRawBufferPointer(start: packet, count: layout.headerBytes + layout.payloadBytes)
        return withVector(ssrc, index, layout.trailer) { vector, trailer in
            cipher.open(
                vector: vector, additional: covered, moreAdditional: trailer, input: Self.nothing, output: packet,
                tag: packet + layout.tagOffset)
        }
    }

    private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// Puts vector and trailer into memory as the wire has them. RFC 7714 8.2, 9.2: the trailer is additional data for
    /// SRTCP only.
    @inline(__always)
    private func withVector(
        _ ssrc: UInt32, _ index: UInt64, _ trailer: UInt32,
        _ body: (UnsafeRawPointer, UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        var block = (salt.vector(ssrc: ssrc, index: index), trailer.bigEndian)
        return withUnsafeMutablePointer(to: &block) { place in
            let start = UnsafeRawPointer(place)
            let trailerStart = start + MemoryLayout<InitialVector>.size
            return body(start, UnsafeRawBufferPointer(start: trailerStart, count: 4))
        }
    }
}
