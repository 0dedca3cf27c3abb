// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
internal import Primitives

/// Protects what goes to one peer: SRTP and SRTCP (RFC 3711, 7714; media-plane.md 3).
///
/// Indices come from the packets' own sequence numbers. The same index of an SSRC is never sealed twice: with AES-GCM
/// two different packets under one nonce would give the authentication key away. So contexts are never forgotten
/// (``SRTPLimits/sendContexts``), and a retransmission needs a fresh sequence number (RTX).
/// - Memory: some 5 kB of cipher state, 50 to 100 bytes per SSRC.
public struct SRTPSender: ~Copyable {
    /// The most bytes that protection adds to an RTP packet, over all profiles.
    public static let maxOverhead = 16
    /// The most bytes that protection adds to an RTCP packet, over all profiles.
    public static let maxControlOverhead = 20

    /// What went through and what was refused, RTP.
    public private(set) var counters = SRTPCounters()
    /// What went through and what was refused, RTCP.
    public private(set) var controlCounters = SRTPCounters()

    private let cipher: PacketCipher
    private let controlCipher: PacketCipher
    private let isAEAD: Bool
    private var contexts = ContextTable(limit: SRTPLimits.sendContexts)
    // Not private: a test sets a context near the end of its indices.
    var controlContexts = ContextTable(limit: SRTPLimits.sendContexts)

    /// A sender with the master key and salt of our own role; their lengths are the profile's.
    public init(profile: SRTPProfile, key: [UInt8], salt: [UInt8]) {
        self.init(
            profile: profile,
            keys: SessionKeys(profile: profile, masterKey: key, masterSalt: salt, isControl: false),
            controlKeys: SessionKeys(profile: profile, masterKey: key, masterSalt: salt, isControl: true)
        )
    }

    init(profile: SRTPProfile, keys: SessionKeys, controlKeys: SessionKeys) {
        isAEAD = profile.isAEAD
        cipher = PacketCipher(keys, profile: profile, isControl: false)
        controlCipher = PacketCipher(controlKeys, profile: profile, isControl: true)
    }

    /// How many SSRCs have been sent, RTP.
    public var contextCount: Int { contexts.count }

    /// Encrypts and authenticates one RTP packet, out of place.
    ///
    /// - Parameters:
    ///   - slot: begins with the final RTP header, CSRCs and extension included; gets ciphertext and tag.
    ///   - headerBytes: where the payload goes; at least 12.
    ///   - payload: plaintext, which stays as it is. May lie exactly at its place in `slot`, otherwise outside.
    /// - Returns: length of the protected packet; `nil` when it was refused, and counted.
    public mutating func protectRTP(
        slot: UnsafeMutableRawBufferPointer, headerBytes: Int, payload: UnsafeRawBufferPointer
    ) -> Int? {
        guard headerBytes >= 12, headerBytes <= slot.count, let base = slot.baseAddress,
            payload.count <= slot.count - headerBytes - cipher.tagBytes
        else { return refuse(.tooShort) }
        let sequence = loadBigEndian(UnsafeRawPointer(base), at: 2, as: UInt16.self)
        let ssrc = loadBigEndian(UnsafeRawPointer(base), at: 8, as: UInt32.self)
        let known = contexts[ssrc]
        var context = known ?? SSRCContext(window: ReplayWindow(first: UInt64(sequence)))
        var index = UInt64(sequence)
        if known != nil {
            guard let estimate = context.window.estimate(sequence) else { return refuse(.reused) }
            guard context.window.verdict(estimate) == .fresh else { return refuse(.reused) }
            index = estimate
            context.window.use(index)
        } else if !contexts.hasRoom {
            return refuse(.contextsFull)
        }
        let tagOffset = headerBytes + payload.count
        let layout = PacketLayout(
            headerBytes: headerBytes, payloadBytes: payload.count, tagOffset: tagOffset,
            trailer: UInt32(truncatingIfNeeded: index >> 16))
        // Used even when the cipher fails: an index that was tried is gone.
        if known != nil { contexts.update(ssrc, context) } else { _ = contexts.add(ssrc, context) }
        let source = payload.baseAddress ?? UnsafeRawPointer(base)
        guard cipher.seal(ssrc: ssrc, index: index, payload: source, into: base, layout) else { return refuse(.cipher) }
        counters.packets += 1
        return tagOffset + cipher.tagBytes
    }

    /// Encrypts and authenticates one compound RTCP packet, out of place; the index counts up from 0 per sender SSRC.
    ///
    /// - Parameters:
    ///   - packet: plaintext, at least 8 bytes.
    ///   - slot: gets the protected packet, up to ``maxControlOverhead`` bytes longer.
    /// - Returns: length of the protected packet; `nil` when it was refused, and counted.
    public mutating func protectRTCP(
        _ packet: UnsafeRawBufferPointer, into slot: UnsafeMutableRawBufferPointer
    ) -> Int? {
        let header = 8
        let total = packet.count + 4 + controlCipher.tagBytes
        guard packet.count >= header, total <= slot.count, let base = slot.baseAddress, let source = packet.baseAddress
        else { return refuseControl(.tooShort) }
        let ssrc = loadBigEndian(source, at: 4, as: UInt32.self)
        var index: UInt64 = 0
        if var context = controlContexts[ssrc] {
            guard context.window.highest < SRTPLimits.highestControlIndex else { return refuseControl(.exhausted) }
            index = context.window.highest + 1
            context.window.use(index)
            controlContexts.update(ssrc, context)
        } else {
            guard controlContexts.hasRoom else { return refuseControl(.contextsFull) }
            _ = controlContexts.add(ssrc, SSRCContext(window: ReplayWindow(first: 0)))
        }
        let word = UInt32(index) | 1 << 31
        // RFC 3711 3.4: index word, then tag. RFC 7714 9.4: tag, then index word.
        let tagOffset = isAEAD ? packet.count : packet.count + 4
        let wordOffset = isAEAD ? packet.count + controlCipher.tagBytes : packet.count
        let layout = PacketLayout(
            headerBytes: header, payloadBytes: packet.count - header, tagOffset: tagOffset, trailer: word)
        base.copyMemory(from: source, byteCount: header)
        guard controlCipher.seal(ssrc: ssrc, index: index, payload: source + header, into: base, layout) else {
            return refuseControl(.cipher)
        }
        base.storeBytes(of: word.bigEndian, toByteOffset: wordOffset, as: UInt32.self)
        controlCounters.packets += 1
        return total
    }

    private mutating func refuse(_ failure: SRTPFailure) -> Int? {
        counters.note(failure)
        return nil
    }

    private mutating func refuseControl(_ failure: SRTPFailure) -> Int? {
        controlCounters.note(failure)
        return nil
    }
}

/// The big-endian number at `offset`, of any alignment; the caller has checked the length.
@inline(__always)
func loadBigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ base: UnsafeRawPointer, at offset: Int, as: T.Type) -> T {
    T(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: T.self))
}
