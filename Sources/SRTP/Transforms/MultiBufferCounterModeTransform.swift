// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import IPsecMB
internal import OpenSSL

extension MultiBufferCTR: KeyStream {}

/// AES in counter mode with a truncated HMAC-SHA1, by libipsec-mb.
///
/// Its counter mode costs an eighth of EVP's for a short packet. Its HMAC is made for many messages side by side and
/// dear for a single one, so packets are encrypted at once, and the tag of a single packet is computed by OpenSSL; only
/// packets that may wait for others get theirs from here.
struct MultiBufferCounterModeTransform: ~Copyable {
    private let single: CounterModeTransform<MultiBufferCTR>
    private let key: MACKey
    private let tagBytes: Int

    /// A transform for these keys.
    init(_ keys: SessionKeys, _ library: IPsecMB, tagBytes: Int) {
        single = CounterModeTransform(
            keys, cipher: MultiBufferCTR(library, key: keys.encryption), tagBytes: tagBytes)
        key = MACKey(library, key: keys.authentication)
        self.tagBytes = tagBytes
    }

    /// See ``PacketCipher``.
    func seal(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout
    ) -> Bool {
        single.seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout)
    }

    /// See ``PacketCipher``. The trailer, which is authenticated and not sent, waits where the tag will be: four bytes,
    /// as many as the shortest tag has.
    func seal(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout, _ queue: inout SealQueue
    ) -> Bool {
        guard queue.takesMACs else {
            return single.seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout)
        }
        guard single.encrypt(ssrc: ssrc, index: index, payload: payload, into: slot, layout) else { return false }
        let tag = slot + layout.tagOffset
        tag.storeBytes(of: layout.trailer.bigEndian, as: UInt32.self)
        queue.add(key, UnsafeRawBufferPointer(start: slot, count: layout.tagOffset + 4), tag: tag, tagBytes: tagBytes)
        return true
    }

    /// See ``PacketCipher``.
    func open(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        single.open(ssrc: ssrc, index: index, packet: packet, layout)
    }

    /// See ``PacketCipher``.
    func check(packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        single.check(packet: packet, layout)
    }
}
