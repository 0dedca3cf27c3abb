// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
internal import Primitives

/// Checks and decrypts what comes from one peer, in place: SRTP and SRTCP (RFC 3711, 7714; media-plane.md 3).
///
/// A context is kept only once a packet of its SSRC was authenticated, so forged SSRCs leave no trace; when there are
/// ``SRTPSettings/receiveContexts`` of them the least recently used one makes room, and is remembered. A refused packet
/// is unchanged.
/// - Memory: some 4 kB of cipher state, 50 to 100 bytes per SSRC.
public struct SRTPReceiver: ~Copyable {
    /// What went through and what was refused, RTP.
    public private(set) var counters = SRTPCounters()
    /// What went through and what was refused, RTCP.
    public private(set) var controlCounters = SRTPCounters()

    private let ciphers: DirectionCiphers
    private var contexts: ReceiveContexts
    private var controlContexts: ReceiveContexts

    /// A receiver with the master key and salt of the peer's role; their lengths are the profile's.
    public init(profile: SRTPProfile, key: [UInt8], salt: [UInt8], settings: SRTPSettings = SRTPSettings()) {
        self.init(DirectionCiphers(profile: profile, key: key, salt: salt, engine: settings.engine), settings)
    }

    /// With ciphers that are made already.
    init(_ ciphers: consuming DirectionCiphers, _ settings: SRTPSettings) {
        self.ciphers = ciphers
        let limit = settings.receiveContexts
        let evicted = limit * SRTPLimits.evictedContextsPerContext
        contexts = ReceiveContexts(limit: limit, evicted: evicted)
        controlContexts = ReceiveContexts(limit: limit, evicted: evicted)
    }

    /// Goes on where the receiver that was written down stopped.
    public init(_ record: SRTPRecord, settings: SRTPSettings = SRTPSettings()) {
        self.init(profile: record.profile, key: record.key, salt: record.salt, settings: settings)
        for stream in record.evictedStreams { contexts.remember(stream.context) }
        for stream in record.streams { _ = contexts.add(stream.context) }
        for stream in record.evictedControlStreams { controlContexts.remember(stream.context) }
        for stream in record.controlStreams { _ = controlContexts.add(stream.context) }
    }

    /// All that is needed to go on elsewhere.
    public var record: SRTPRecord {
        var record = ciphers.record
        contexts.forEach { record.streams.append(SRTPRecord.Stream($0)) }
        controlContexts.forEach { record.controlStreams.append(SRTPRecord.Stream($0)) }
        contexts.forEachEvicted { record.evictedStreams.append(SRTPRecord.Stream($0)) }
        controlContexts.forEachEvicted { record.evictedControlStreams.append(SRTPRecord.Stream($0)) }
        return record
    }

    /// How many SSRCs have a context, RTP.
    public var contextCount: Int { contexts.count }
    /// How many SSRCs have a context, RTCP.
    public var controlContextCount: Int { controlContexts.count }
    /// How many SSRCs are remembered that had to make room, RTP.
    public var evictedContextCount: Int { contexts.evictedCount }

    /// Whether packets of this SSRC have been authenticated lately: it has a context.
    public func knows(_ ssrc: UInt32) -> Bool { contexts.find(ssrc) != nil }

    /// Checks and decrypts one SRTP packet, in place.
    ///
    /// - Parameters:
    ///   - headerBytes: where the payload begins, as the caller has parsed it: 12 + CSRCs + extension.
    ///   - decrypts: `false` for a packet whose payload nobody will look at: it counts for replay and roll-over like
    ///   any   other, and what its payload is afterwards is not said.
    /// - Returns: length of the plaintext packet, header included; or why it was refused, which is also counted.
    public mutating func unprotectRTP(
        _ packet: UnsafeMutableRawBufferPointer, headerBytes: Int, decrypts: Bool = true
    ) -> Result<Int, SRTPFailure> {
        guard headerBytes >= 12, headerBytes <= packet.count, packet.count <= SRTPLimits.packetBytes,
            packet.count - headerBytes >= ciphers.rtp.tagBytes, let base = packet.baseAddress
        else { return refuse(.tooShort) }
        let sequence = loadBigEndian(UnsafeRawPointer(base), at: 2, as: UInt16.self)
        let ssrc = loadBigEndian(UnsafeRawPointer(base), at: 8, as: UInt32.self)
        let tagOffset = packet.count - ciphers.rtp.tagBytes
        let layout = PacketLayout(
            headerBytes: headerBytes, payloadBytes: tagOffset - headerBytes, tagOffset: tagOffset, trailer: 0)
        let outcome: Result<Void, SRTPFailure>
        if let found = contexts.find(ssrc) {
            outcome = unprotectKnown(ssrc, sequence, found, base, layout, decrypts)
        } else {
            outcome = unprotectFirst(ssrc, sequence, base, layout, decrypts)
        }
        switch outcome {
        case .success:
            counters.packets += 1
            return .success(tagOffset)
        case .failure(let failure):
            return refuse(failure)
        }
    }

    /// Checks and decrypts one SRTCP packet, in place. Packets that are authenticated and not encrypted are accepted.
    /// - Returns: length of the plaintext packet; or why it was refused, which is also counted.
    public mutating func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) -> Result<Int, SRTPFailure> {
        let header = 8
        let plainBytes = packet.count - 4 - ciphers.rtcp.tagBytes
        guard plainBytes >= header, packet.count <= SRTPLimits.packetBytes, let base = packet.baseAddress else {
            return refuseControl(.tooShort)
        }
        let ssrc = loadBigEndian(UnsafeRawPointer(base), at: 4, as: UInt32.self)
        let (tagOffset, wordOffset) = ciphers.controlTrailer(behind: plainBytes)
        let word = loadBigEndian(UnsafeRawPointer(base), at: wordOffset, as: UInt32.self)
        let isEncrypted = word >> 31 == 1
        let index = UInt64(word & 0x7FFF_FFFF)
        let known = controlContexts.find(ssrc)
        switch known?.context.window.verdict(index) {
        case .seen?: return refuseControl(.replay)
        case .old?: return refuseControl(.replayOld)
        case .fresh?, nil: break
        }
        let layout = PacketLayout(
            headerBytes: header, payloadBytes: plainBytes - header, tagOffset: tagOffset, trailer: word)
        let isGenuine =
            isEncrypted
            ? ciphers.rtcp.open(ssrc: ssrc, index: index, packet: base, layout)
            : ciphers.rtcp.check(ssrc: ssrc, index: index, packet: base, layout)
        guard isGenuine else { return refuseControl(.authentication) }
        let evicts: Bool
        if let known {
            var context = known.context
            context.window.use(index)
            evicts = controlContexts.keep(known, context)
        } else {
            evicts = controlContexts.add(SSRCContext(window: ReplayWindow(first: index), ssrc: ssrc))
        }
        if evicts { controlCounters.evictedContexts += 1 }
        controlCounters.packets += 1
        return .success(plainBytes)
    }

    /// A packet of an SSRC without a context. Its sender may have begun shortly before a roll-over of which we saw only
    /// the far side, so the roll-over counters 0 and 1 are tried (media-plane.md 3).
    private mutating func unprotectFirst(
        _ ssrc: UInt32, _ sequence: UInt16, _ base: UnsafeMutableRawPointer, _ layout: PacketLayout, _ decrypts: Bool
    ) -> Result<Void, SRTPFailure> {
        var index = UInt64(sequence)
        if !isGenuine(ssrc, index, base, layout, decrypts) {
            index += 1 << 16
            guard isGenuine(ssrc, index, base, layout, decrypts) else { return .failure(.authentication) }
        }
        let context = SSRCContext(window: ReplayWindow(first: index), ssrc: ssrc)
        if contexts.add(context) { counters.evictedContexts += 1 }
        return .success(())
    }

    /// A packet of an SSRC with a context. The counter of a context is right, because a packet proved it; but while it
    /// is young a gap of more than half the sequence space is tried as well (media-plane.md 3). The counter before the
    /// estimate is not: everything there lies behind the window.
    private mutating func unprotectKnown(
        _ ssrc: UInt32, _ sequence: UInt16, _ found: ReceiveContexts.Found, _ base: UnsafeMutableRawPointer,
        _ layout: PacketLayout, _ decrypts: Bool
    ) -> Result<Void, SRTPFailure> {
        let known = found.context
        let estimate = known.window.estimate(sequence)
        var refusal = SRTPFailure.replayOld
        if let estimate {
            switch known.window.verdict(estimate) {
            case .fresh:
                if isGenuine(ssrc, estimate, base, layout, decrypts) {
                    accept(estimate, found)
                    return .success(())
                }
                refusal = .authentication
            case .seen: return .failure(.replay)
            case .old: break
            }
        }
        guard known.accepted < SRTPLimits.youngContextPackets else { return .failure(refusal) }
        let ahead = estimate.map { $0 + (1 << 16) } ?? UInt64(sequence)
        guard ahead > known.window.highest, ahead <= SRTPLimits.highestIndex,
            isGenuine(ssrc, ahead, base, layout, decrypts)
        else { return .failure(refusal) }
        accept(ahead, found)
        return .success(())
    }

    @inline(__always)
    private func isGenuine(
        _ ssrc: UInt32, _ index: UInt64, _ base: UnsafeMutableRawPointer, _ layout: PacketLayout, _ decrypts: Bool
    ) -> Bool {
        var withCounter = layout
        withCounter.trailer = UInt32(truncatingIfNeeded: index >> 16)
        guard decrypts else {
            return ciphers.rtp.authenticate(ssrc: ssrc, index: index, packet: base, withCounter)
        }
        return ciphers.rtp.open(ssrc: ssrc, index: index, packet: base, withCounter)
    }

    private mutating func accept(_ index: UInt64, _ found: ReceiveContexts.Found) {
        var context = found.context
        context.window.use(index)
        if context.accepted < SRTPLimits.youngContextPackets { context.accepted += 1 }
        if contexts.keep(found, context) { counters.evictedContexts += 1 }
    }

    private mutating func refuse(_ failure: SRTPFailure) -> Result<Int, SRTPFailure> {
        counters.note(failure)
        return .failure(failure)
    }

    private mutating func refuseControl(_ failure: SRTPFailure) -> Result<Int, SRTPFailure> {
        controlCounters.note(failure)
        return .failure(failure)
    }
}
