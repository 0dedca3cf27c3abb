// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// All that a server needs to open an association, given to the client to keep (RFC 9260 §5.1.3).
struct StateCookie: Equatable, BitwiseCopyable {
    private static let magic: UInt32 = 0x5644_4301
    private static let bodyBytes = 48
    static let bytes = bodyBytes + 8

    var created: Timestamp
    var localTag: UInt32
    var localInitialTSN: UInt32
    var peerTag: UInt32
    var peerInitialTSN: UInt32
    var peerWindow: UInt32
    var outboundStreams: UInt16
    var inboundStreams: UInt16
    var features: PeerFeatures
    /// Tags of the association that there was when this one was asked for, or zeros (§5.2.2).
    var tieLocalTag: UInt32
    var tiePeerTag: UInt32

    init(
        created: Timestamp, local: Initiation, peer: Initiation, tieLocalTag: UInt32 = 0, tiePeerTag: UInt32 = 0
    ) {
        self.created = created
        localTag = local.tag
        localInitialTSN = local.initialTSN
        peerTag = peer.tag
        peerInitialTSN = peer.initialTSN
        peerWindow = peer.window
        outboundStreams = min(local.outboundStreams, peer.inboundStreams)
        inboundStreams = min(local.inboundStreams, peer.outboundStreams)
        features = peer.features
        self.tieLocalTag = tieLocalTag
        self.tiePeerTag = tiePeerTag
    }

    /// Reads a cookie; `nil` when it was not made with this key.
    init?(_ bytes: RawSpan, key: SipHash) {
        guard bytes.byteCount == Self.bytes, bytes.uint32(at: 0) == Self.magic,
            key.hash(bytes.slice(0, count: Self.bodyBytes)) == bytes.uint64(at: Self.bodyBytes)
        else { return nil }
        created = Timestamp(nanoseconds: Int64(bitPattern: bytes.uint64(at: 4)))
        localTag = bytes.uint32(at: 12)
        localInitialTSN = bytes.uint32(at: 16)
        peerTag = bytes.uint32(at: 20)
        peerInitialTSN = bytes.uint32(at: 24)
        peerWindow = bytes.uint32(at: 28)
        outboundStreams = bytes.uint16(at: 32)
        inboundStreams = bytes.uint16(at: 34)
        features = PeerFeatures(rawValue: UInt8(truncatingIfNeeded: bytes.uint16(at: 36)))
        tieLocalTag = bytes.uint32(at: 38)
        tiePeerTag = bytes.uint32(at: 42)
    }

    /// The cookie as it goes to the client.
    func encoded(key: SipHash) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.bytes)
        writer.uint32(Self.magic)
        writer.uint64(UInt64(bitPattern: created.nanoseconds))
        for value in [localTag, localInitialTSN, peerTag, peerInitialTSN, peerWindow] { writer.uint32(value) }
        writer.uint16(outboundStreams)
        writer.uint16(inboundStreams)
        writer.uint16(UInt16(features.rawValue))
        writer.uint32(tieLocalTag)
        writer.uint32(tiePeerTag)
        while writer.count < Self.bodyBytes { writer.uint8(0) }
        writer.uint64(key.hash(writer.bytes.rawSpan))
        return writer.bytes
    }
}
