// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
internal import Primitives

/// Protects what goes to one peer: SRTP and SRTCP (RFC 3711, 7714; media-plane.md 3).
///
/// Indices come from the packets' own sequence numbers. The same index of an SSRC is never sealed twice: with AES-GCM
/// two different packets under one nonce would give the authentication key away. So contexts are never forgotten
/// (``SRTPLimits/sendContexts``), and a retransmission needs a fresh sequence number (RTX). The one exception is
/// ``protectRepeat(slot:headerBytes:payload:)``, which AES-GCM does not have.
/// - Memory: some 4 kB of cipher state, 50 to 100 bytes per SSRC.
public struct SRTPSender: ~Copyable {
    /// Where a stream's context is: saves looking it up by SSRC for each packet. Plain data, valid as long as its
    /// sender; one from elsewhere costs that look-up and does no harm.
    public struct StreamHandle: Sendable, BitwiseCopyable, Equatable {
        /// The bits of it, for whoever keeps it in a record of its own.
        public let rawValue: UInt32

        /// The handle with these bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
    }

    /// The most bytes that protection adds to an RTP packet, over all profiles.
    public static let maxOverhead = 16
    /// The most bytes that protection adds to an RTCP packet, over all profiles.
    public static let maxControlOverhead = 20

    /// What went through and what was refused, RTP.
    public private(set) var counters = SRTPCounters()
    /// What went through and what was refused, RTCP.
    public private(set) var controlCounters = SRTPCounters()

    private let ciphers: DirectionCiphers
    private var contexts = ContextTable(limit: SRTPLimits.sendContexts)
    // Not private: a test sets a context near the end of its indices.
    var controlContexts = ContextTable(limit: SRTPLimits.sendContexts)

    /// A sender with the master key and salt of our own role; their lengths are the profile's.
    public init(profile: SRTPProfile, key: [UInt8], salt: [UInt8], settings: SRTPSettings = SRTPSettings()) {
        self.init(DirectionCiphers(profile: profile, key: key, salt: salt, engine: settings.engine))
    }

    /// With ciphers that are made already.
    init(_ ciphers: consuming DirectionCiphers) { self.ciphers = ciphers }

    /// Goes on where the sender that was written down stopped.
    public init(_ record: SRTPRecord, settings: SRTPSettings = SRTPSettings()) {
        self.init(profile: record.profile, key: record.key, salt: record.salt, settings: settings)
        for stream in record.streams { contexts.add(stream.context) }
        for stream in record.controlStreams { controlContexts.add(stream.context) }
    }

    /// All that is needed to go on elsewhere; from then on this sender must not seal anything.
    public var record: SRTPRecord {
        var record = ciphers.record
        contexts.forEach { record.streams.append(SRTPRecord.Stream($0)) }
        controlContexts.forEach { record.controlStreams.append(SRTPRecord.Stream($0)) }
        return record
    }

    /// How many SSRCs have been sent, or asked a handle for, RTP.
    public var contextCount: Int { contexts.count }

    /// The handle of an SSRC; makes its context.
    /// - Returns: `nil` when there are ``SRTPLimits/sendContexts`` others already, which is counted.
    public mutating func handle(for ssrc: UInt32) -> StreamHandle? {
        place(of: ssrc).map { StreamHandle(rawValue: UInt32($0)) }
    }

    /// The highest sequence number that was sealed for an SSRC; `nil` when there was none.
    public func lastSequence(of ssrc: UInt32) -> UInt16? {
        guard let place = contexts.place(of: ssrc) else { return nil }
        return contexts[place].window.bits != 0 ? UInt16(truncatingIfNeeded: contexts[place].window.highest) : nil
    }

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
        guard let base = room(in: slot, headerBytes: headerBytes, payloadBytes: payload.count),
            let place = place(of: loadBigEndian(UnsafeRawPointer(base), at: 8, as: UInt32.self)),
            let index = claimIndex(base, place: place)
        else { return nil }
        let layout = layout(headerBytes: headerBytes, payloadBytes: payload.count, index: index)
        let isSealed = ciphers.rtp.seal(
            ssrc: contexts[place].ssrc, index: index, payload: payload.baseAddress ?? UnsafeRawPointer(base),
            into: base, layout)
        return isSealed ? finish(layout) : refuse(.cipher)
    }

    /// Like ``protectRTP(slot:headerBytes:payload:)``, for a stream whose handle is known, and the engine may leave
    /// what is cheaper together with other packets' in `queue`: the length is final, the tag there after
    /// ``SealQueue/finish()``. The slot must stay where it is until then; the payload may go.
    public mutating func protectRTP(
        _ handle: StreamHandle, slot: UnsafeMutableRawBufferPointer, headerBytes: Int,
        payload: UnsafeRawBufferPointer, into queue: inout SealQueue
    ) -> Int? {
        guard let base = room(in: slot, headerBytes: headerBytes, payloadBytes: payload.count) else { return nil }
        let ssrc = loadBigEndian(UnsafeRawPointer(base), at: 8, as: UInt32.self)
        var place = Int(handle.rawValue)
        if !contexts.holds(ssrc, at: place) {
            guard let found = self.place(of: ssrc) else { return nil }
            place = found
        }
        guard let index = claimIndex(base, place: place) else { return nil }
        let layout = layout(headerBytes: headerBytes, payloadBytes: payload.count, index: index)
        let isSealed = ciphers.rtp.seal(
            ssrc: ssrc, index: index, payload: payload.baseAddress ?? UnsafeRawPointer(base), into: base, layout,
            &queue)
        return isSealed ? finish(layout) : refuse(.cipher)
    }

    /// Whether ``protectRepeat(slot:headerBytes:payload:)`` can be: not with AES-GCM.
    public func canRepeat() -> Bool { !ciphers.profile.isAEAD }

    /// Encrypts and authenticates an RTP packet again, under the sequence number it left with before.
    ///
    /// Counter mode gives the same ciphertext for the same payload, or for the beginning of it, and HMAC may cover
    /// another header; so the payload must be what was sealed under this number. Under AES-GCM a second tag for the
    /// same nonce would give the authentication key away: there, and for a number that is still free, nothing is
    /// sealed.
    /// - Parameters: as for the first sealing.
    /// - Returns: length of the protected packet; `nil` when it was refused, and counted.
    public mutating func protectRepeat(
        slot: UnsafeMutableRawBufferPointer, headerBytes: Int, payload: UnsafeRawBufferPointer
    ) -> Int? {
        guard canRepeat() else { return refuse(.reused) }
        guard let base = room(in: slot, headerBytes: headerBytes, payloadBytes: payload.count) else { return nil }
        let ssrc = loadBigEndian(UnsafeRawPointer(base), at: 8, as: UInt32.self)
        guard let place = contexts.place(of: ssrc), contexts[place].window.bits != 0,
            let index = contexts[place].window.estimate(loadBigEndian(UnsafeRawPointer(base), at: 2, as: UInt16.self)),
            contexts[place].window.verdict(index) != .fresh
        else { return refuse(.reused) }
        let layout = layout(headerBytes: headerBytes, payloadBytes: payload.count, index: index)
        let isSealed = ciphers.rtp.seal(
            ssrc: ssrc, index: index, payload: payload.baseAddress ?? UnsafeRawPointer(base), into: base, layout)
        return isSealed ? finish(layout) : refuse(.cipher)
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
        let total = packet.count + 4 + ciphers.rtcp.tagBytes
        guard packet.count >= header, total <= slot.count, let base = slot.baseAddress, let source = packet.baseAddress
        else { return refuseControl(.tooShort) }
        let ssrc = loadBigEndian(source, at: 4, as: UInt32.self)
        var index: UInt64 = 0
        if let place = controlContexts.place(of: ssrc) {
            var context = controlContexts[place]
            guard context.window.highest < SRTPLimits.highestControlIndex else { return refuseControl(.exhausted) }
            index = context.window.highest + 1
            context.window.use(index)
            controlContexts[place] = context
        } else {
            guard controlContexts.hasRoom else { return refuseControl(.contextsFull) }
            controlContexts.add(SSRCContext(window: ReplayWindow(first: 0), ssrc: ssrc))
        }
        let word = UInt32(index) | 1 << 31
        let (tagOffset, wordOffset) = ciphers.controlTrailer(behind: packet.count)
        let layout = PacketLayout(
            headerBytes: header, payloadBytes: packet.count - header, tagOffset: tagOffset, trailer: word)
        base.copyMemory(from: source, byteCount: header)
        guard ciphers.rtcp.seal(ssrc: ssrc, index: index, payload: source + header, into: base, layout) else {
            return refuseControl(.cipher)
        }
        base.storeBytes(of: word.bigEndian, toByteOffset: wordOffset, as: UInt32.self)
        controlCounters.packets += 1
        return total
    }

    /// Where the slot begins, when packet and tag fit into it; counts otherwise.
    @inline(__always)
    private mutating func room(
        in slot: UnsafeMutableRawBufferPointer, headerBytes: Int, payloadBytes: Int
    ) -> UnsafeMutableRawPointer? {
        guard headerBytes >= 12, headerBytes <= slot.count, let base = slot.baseAddress,
            payloadBytes <= slot.count - headerBytes - ciphers.rtp.tagBytes
        else {
            counters.note(.tooShort)
            return nil
        }
        return base
    }

    /// Where the context of an SSRC is, which is made if need be; counts when there is no room.
    @inline(__always)
    private mutating func place(of ssrc: UInt32) -> Int? {
        if let place = contexts.place(of: ssrc) { return place }
        guard contexts.hasRoom else { return refuse(.contextsFull) }
        return contexts.add(SSRCContext(window: ReplayWindow(), ssrc: ssrc))
    }

    /// Takes the index of the packet out of its stream; counts when it is gone already.
    @inline(__always)
    private mutating func claimIndex(_ packet: UnsafeMutableRawPointer, place: Int) -> UInt64? {
        var context = contexts[place]
        guard let index = context.window.estimate(loadBigEndian(UnsafeRawPointer(packet), at: 2, as: UInt16.self)),
            context.window.verdict(index) == .fresh
        else {
            counters.note(.reused)
            return nil
        }
        context.window.use(index)
        // Used even when the cipher fails: an index that was tried is gone.
        contexts[place] = context
        return index
    }

    @inline(__always)
    private func layout(headerBytes: Int, payloadBytes: Int, index: UInt64) -> PacketLayout {
        PacketLayout(
            headerBytes: headerBytes, payloadBytes: payloadBytes, tagOffset: headerBytes + payloadBytes,
            trailer: UInt32(truncatingIfNeeded: index >> 16))
    }

    @inline(__always)
    private mutating func finish(_ layout: PacketLayout) -> Int {
        counters.packets += 1
        return layout.tagOffset + ciphers.rtp.tagBytes
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
