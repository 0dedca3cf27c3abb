// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
import RTP

/// The last 20 payloads of a voice, so that they can be repeated behind the next ones (RFC 2198; media-plane.md 10.4).
///
/// - Memory: some 20 kB, taken with `init`. Only voices have one that the bridge protects.
public struct AudioHistory: ~Copyable {
    private struct Entry: BitwiseCopyable {
        var sequence: UInt16 = 0
        var byteCount: UInt16 = 0
        var timestamp: UInt32 = 0
        var payloadType: UInt8 = 0
        var hasVoice = false
        var isFilled = false
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let bytes: UnsafeMutableRawPointer
    /// The stream it holds: numbers of another one mean nothing.
    private var ssrc: UInt32 = 0

    private static var count: Int { ForwardingLimits.recentAudio }

    /// Holds nothing.
    public init() {
        entries = .allocate(capacity: Self.count)
        entries.initialize(repeating: Entry(), count: Self.count)
        bytes = .allocate(byteCount: Self.count * RedundantAudio.maxBlockBytes, alignment: 16)
    }

    deinit {
        entries.deallocate()
        bytes.deallocate()
    }

    /// Keeps a packet's payload; one that is too long to be repeated is passed over.
    public mutating func insert(_ info: PacketInfo, from packet: UnsafeRawPointer) {
        if info.ssrc != ssrc {
            ssrc = info.ssrc
            entries.update(repeating: Entry(), count: Self.count)
        }
        guard info.payloadBytes > 0, info.payloadBytes <= RedundantAudio.maxBlockBytes else { return }
        let place = Int(info.sequence) % Self.count
        // A late packet does not push a newer one out; a sequence that begins anew does.
        let distance = SequenceNumber.delta(info.sequence, entries[place].sequence)
        if entries[place].isFilled, distance < 0, distance > -ForwardingLimits.gapHistory { return }
        entries[place] = Entry(
            sequence: info.sequence, byteCount: UInt16(info.payloadBytes), timestamp: info.timestamp,
            payloadType: info.payloadType, hasVoice: info.hasVoice, isFilled: true)
        (bytes + place * RedundantAudio.maxBlockBytes).copyMemory(
            from: packet + info.headerBytes, byteCount: info.payloadBytes)
    }

    /// Writes `info`'s payload in the form of RFC 2198, with those of the packets before it as far as they are here,
    /// fit and may be repeated.
    /// - Parameters:
    ///   - packet: where `info` was read from.
    ///   - writer: gets the payload.
    /// - Returns: whether it fits.
    public borrowing func write(
        _ info: PacketInfo, from packet: UnsafeRawPointer, _ settings: RedundancySettings,
        to writer: inout BufferWriter
    ) -> Bool {
        let secondary = place(before: info, by: 1, settings)
        let tertiary = secondary != nil && settings.distance > 1 ? place(before: info, by: 2, settings) : nil
        var room = writer.remaining - RedundantAudio.primaryHeaderBytes - info.payloadBytes
        guard room >= 0 else { return false }
        let isSecondaryIn = fits(secondary, &room)
        let isTertiaryIn = isSecondaryIn && fits(tertiary, &room)
        if isTertiaryIn, let tertiary { writeHeader(tertiary, of: info, to: &writer) }
        if isSecondaryIn, let secondary { writeHeader(secondary, of: info, to: &writer) }
        RedundantAudio.writePrimaryHeader(payloadType: info.payloadType, to: &writer)
        if isTertiaryIn, let tertiary { append(tertiary, to: &writer) }
        if isSecondaryIn, let secondary { append(secondary, to: &writer) }
        writer.append(
            RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: packet + info.headerBytes, count: info.payloadBytes)))
        return !writer.isTruncated
    }

    /// Where the packet `distance` numbers before `info` is; `nil` when it is not here or cannot be repeated.
    private func place(before info: PacketInfo, by distance: UInt16, _ settings: RedundancySettings) -> Int? {
        guard info.ssrc == ssrc else { return nil }
        let number = info.sequence &- distance
        let place = Int(number) % Self.count
        let entry = entries[place]
        guard entry.isFilled, entry.sequence == number, entry.payloadType == info.payloadType,
            entry.hasVoice || !settings.isForVoiceOnly,
            info.timestamp &- entry.timestamp <= UInt32(RedundantAudio.maxTimestampOffset)
        else { return nil }
        return place
    }

    /// Takes the room that a block needs.
    private func fits(_ place: Int?, _ room: inout Int) -> Bool {
        guard let place else { return false }
        let needed = RedundantAudio.blockHeaderBytes + Int(entries[place].byteCount)
        guard needed <= room else { return false }
        room -= needed
        return true
    }

    private func writeHeader(_ place: Int, of info: PacketInfo, to writer: inout BufferWriter) {
        RedundantAudio.writeHeader(
            payloadType: entries[place].payloadType,
            timestampOffset: UInt16(truncatingIfNeeded: info.timestamp &- entries[place].timestamp),
            byteCount: Int(entries[place].byteCount), to: &writer)
    }

    private func append(_ place: Int, to writer: inout BufferWriter) {
        let start = bytes + place * RedundantAudio.maxBlockBytes
        writer.append(
            RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: Int(entries[place].byteCount))))
    }
}
