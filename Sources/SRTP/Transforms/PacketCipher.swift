// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import IPsecMB
internal import OpenSSL

/// Where the parts of a packet lie, relative to its first byte.
struct PacketLayout: BitwiseCopyable {
    /// Authenticated and not encrypted.
    var headerBytes: Int
    /// Encrypted, right after the header.
    var payloadBytes: Int
    /// Where the tag is.
    var tagOffset: Int
    /// Authenticated after the payload: the ROC for SRTP (RFC 3711 4.2), E-flag and index for SRTCP.
    var trailer: UInt32
}

/// The cipher of one direction and one of RTP and RTCP: knows keys and layout of the tag, nothing of indices.
///
/// Contexts of the library are made once here; per packet only the vector changes, and nothing is allocated.
struct PacketCipher: ~Copyable {
    /// Length of the tag in bytes.
    let tagBytes: Int
    private let method: Method

    private enum Method: ~Copyable {
        case gcm(GCMTransform)
        case counterMode(CounterModeTransform<AESCTR>)
        case multiBufferGCM(MultiBufferGCMTransform)
        case multiBufferCounterMode(MultiBufferCounterModeTransform)
    }

    /// A cipher for these keys.
    init(_ keys: SessionKeys, profile: SRTPProfile, isControl: Bool, engine: SRTPEngine) {
        tagBytes = isControl ? profile.rtcpTagBytes : profile.rtpTagBytes
        method =
            switch (engine, profile.isAEAD) {
            case (.evp, true): .gcm(GCMTransform(keys, isControl: isControl))
            case (.evp, false):
                .counterMode(CounterModeTransform(keys, cipher: AESCTR(key: keys.encryption), tagBytes: tagBytes))
            case (.ipsecMB(let library), true):
                .multiBufferGCM(MultiBufferGCMTransform(keys, library, isControl: isControl))
            case (.ipsecMB(let library), false):
                .multiBufferCounterMode(MultiBufferCounterModeTransform(keys, library, tagBytes: tagBytes))
            }
    }

    /// Encrypts `payload` into `slot`, behind the header that stands there, and writes the tag.
    /// - Returns: whether the cipher worked.
    @inline(__always)
    func seal(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout
    ) -> Bool {
        switch method {
        case .gcm(let transform):
            transform.seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout)
        case .counterMode(let transform):
            transform.seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout)
        case .multiBufferGCM(let transform):
            transform.seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout)
        case .multiBufferCounterMode(let transform):
            transform.seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout)
        }
    }

    /// Like the other `seal`; what is cheaper together with other packets' may be left in `queue`.
    @inline(__always)
    func seal(
        ssrc: UInt32, index: UInt64, payload: UnsafeRawPointer, into slot: UnsafeMutableRawPointer,
        _ layout: PacketLayout, _ queue: inout SealQueue
    ) -> Bool {
        switch method {
        case .multiBufferCounterMode(let transform):
            transform.seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout, &queue)
        default: seal(ssrc: ssrc, index: index, payload: payload, into: slot, layout)
        }
    }

    /// Checks the tag and decrypts in place.
    /// - Returns: whether the tag is right. Otherwise the packet is as it was.
    @inline(__always)
    func open(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        switch method {
        case .gcm(let transform): transform.open(ssrc: ssrc, index: index, packet: packet, layout)
        case .counterMode(let transform): transform.open(ssrc: ssrc, index: index, packet: packet, layout)
        case .multiBufferGCM(let transform): transform.open(ssrc: ssrc, index: index, packet: packet, layout)
        case .multiBufferCounterMode(let transform): transform.open(ssrc: ssrc, index: index, packet: packet, layout)
        }
    }

    /// Checks the tag of a packet whose payload nobody wants: it is not decrypted where tag and payload can be had
    /// apart. AES-GCM's cannot, so there the payload is decrypted all the same.
    /// - Returns: whether the tag is right. Otherwise the packet is as it was.
    func authenticate(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        switch method {
        case .gcm(let transform): transform.open(ssrc: ssrc, index: index, packet: packet, layout)
        case .counterMode(let transform): transform.check(packet: packet, layout)
        case .multiBufferGCM(let transform): transform.open(ssrc: ssrc, index: index, packet: packet, layout)
        case .multiBufferCounterMode(let transform): transform.check(packet: packet, layout)
        }
    }

    /// Checks the tag of a packet that is authenticated and not encrypted (SRTCP without the E-flag).
    func check(ssrc: UInt32, index: UInt64, packet: UnsafeMutableRawPointer, _ layout: PacketLayout) -> Bool {
        switch method {
        case .gcm(let transform): transform.check(ssrc: ssrc, index: index, packet: packet, layout)
        case .counterMode(let transform): transform.check(packet: packet, layout)
        case .multiBufferGCM(let transform): transform.check(ssrc: ssrc, index: index, packet: packet, layout)
        case .multiBufferCounterMode(let transform): transform.check(packet: packet, layout)
        }
    }
}
