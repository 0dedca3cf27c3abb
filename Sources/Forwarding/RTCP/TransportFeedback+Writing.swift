// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
import RTP

extension TransportFeedback {
    /// Writes one feedback packet about the oldest numbers not reported, and marks them reported.
    /// - Parameters:
    ///   - senderSSRC: the bridge's video SSRC.
    ///   - buffer: at most ``ForwardingLimits/feedbackBytes`` of it are used; it must hold at least 64.
    /// - Returns: length of the packet; 0 when all is reported.
    public mutating func write(senderSSRC: UInt32, now: Timestamp, to buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard hasNews else { return 0 }
        let room = min(buffer.count, ForwardingLimits.feedbackBytes)
        let plan = packetsInReport < ForwardingLimits.feedbackPackets ? plan(room: room) : Plan()
        guard plan.count > 0 else {
            windowStart = unwrapper.highest + 1
            finishReport(now: now)
            return 0
        }
        var writer = BufferWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]))
        let start = FeedbackHeader(senderSSRC: senderSSRC, mediaSSRC: mediaSSRC)
            .begin(.transportFeedback, format: FeedbackFormat.transportWide, to: &writer)
        writer.uint16(UInt16(truncatingIfNeeded: windowStart))
        writer.uint16(UInt16(truncatingIfNeeded: plan.count))
        writer.uint24(plan.reference)
        writer.uint8(feedbackCount)
        writeChunks(plan, to: &writer)
        writeDeltas(plan, to: &writer)
        pad(&writer, from: start)
        RTCPPacket.end(&writer, from: start)
        feedbackCount &+= 1
        packetsInReport += 1
        windowStart += Int64(plan.count)
        return writer.isTruncated ? 0 : writer.count
    }

    /// One packet's worth of numbers from `windowStart` on.
    struct Plan {
        var count = 0
        /// Origin of the arrival times, in 64 ms, 24 bits.
        var reference: UInt32 = 0
    }

    /// Takes as many numbers as fit `room` in the worst case and whose arrival times follow each other within 16 bits.
    private func plan(room: Int) -> Plan {
        var plan = Plan()
        var clock: UInt32 = 0
        var hasClock = false
        var deltaBytes = 0
        let available = Int(unwrapper.highest - windowStart) + 1
        // Ends: the window's size.
        for index in 0..<min(available, ForwardingLimits.transportWindow) {
            let arrival = self.arrival(index)
            var size = 0
            if arrival != 0 {
                if !hasClock {
                    plan.reference = arrival >> 8
                    clock = plan.reference << 8
                    hasClock = true
                }
                let delta = Int32(bitPattern: arrival &- clock)
                guard delta >= Int32(Int16.min), delta <= Int32(Int16.max) else { break }
                clock = arrival
                size = delta >= 0 && delta <= 255 ? 1 : 2
            }
            // Chunks of two-bit symbols are the longest: seven numbers in two bytes. Three bytes of padding.
            let chunkBytes = 2 * ((index + 1 + 6) / 7)
            guard 20 + chunkBytes + deltaBytes + size + 3 <= room else { break }
            deltaBytes += size
            plan.count = index + 1
        }
        return plan
    }

    private func arrival(_ index: Int) -> UInt32 {
        arrivals[Int(truncatingIfNeeded: windowStart + Int64(index)) & mask]
    }

    /// Steps through the plan's symbols: 0 lost, 1 a small delta, 2 a large or negative one.
    private struct Symbols {
        var clock: UInt32

        mutating func next(_ arrival: UInt32) -> UInt16 {
            guard arrival != 0 else { return 0 }
            let delta = Int32(bitPattern: arrival &- clock)
            clock = arrival
            return delta >= 0 && delta <= 255 ? 1 : 2
        }
    }

    private func writeChunks(_ plan: Plan, to writer: inout BufferWriter) {
        var ahead = Symbols(clock: plan.reference << 8)
        var index = 0
        // Ends: every turn takes at least one number.
        while index < plan.count {
            // Look ahead: how long is the run of equal symbols, and do the next 14 need two bits?
            var scan = ahead
            let symbol = scan.next(arrival(index))
            var run = 1
            while run < min(plan.count - index, 0x1FFF), scan.next(arrival(index + run)) == symbol { run += 1 }
            if run >= 14 || (run >= 7 && symbol == 2) || run == plan.count - index {
                writer.uint16(symbol << 13 | UInt16(truncatingIfNeeded: run))
                for offset in 0..<run { _ = ahead.next(arrival(index + offset)) }
                index += run
                continue
            }
            index += writeVector(&ahead, from: index, plan, to: &writer)
        }
    }

    /// Writes a status vector: 14 numbers of one bit if no large delta is among them, otherwise 7 of two bits.
    /// - Returns: how many numbers it covers.
    private func writeVector(
        _ symbols: inout Symbols, from index: Int, _ plan: Plan, to writer: inout BufferWriter
    ) -> Int {
        let left = plan.count - index
        var scan = symbols
        var bits: UInt16 = 0
        var hasLarge = false
        for offset in 0..<min(14, left) {
            let symbol = scan.next(arrival(index + offset))
            if symbol == 2 { hasLarge = true }
            bits |= (symbol & 1) << UInt16(13 - offset)
        }
        if !hasLarge {
            symbols = scan
            writer.uint16(0x8000 | bits)
            return min(14, left)
        }
        bits = 0
        for offset in 0..<min(7, left) {
            bits |= symbols.next(arrival(index + offset)) << UInt16(2 * (6 - offset))
        }
        writer.uint16(0xC000 | bits)
        return min(7, left)
    }

    private func writeDeltas(_ plan: Plan, to writer: inout BufferWriter) {
        var clock = plan.reference << 8
        for index in 0..<plan.count {
            let arrival = arrival(index)
            guard arrival != 0 else { continue }
            let delta = Int32(bitPattern: arrival &- clock)
            clock = arrival
            if delta >= 0, delta <= 255 {
                writer.uint8(UInt8(truncatingIfNeeded: delta))
            } else {
                writer.uint16(UInt16(bitPattern: Int16(truncatingIfNeeded: delta)))
            }
        }
    }

    /// Fills the packet up to four bytes, as RTCP padding.
    private func pad(_ writer: inout BufferWriter, from start: Int) {
        let padding = (4 - (writer.count - start) & 3) & 3
        guard padding > 0 else { return }
        for _ in 1..<padding { writer.uint8(0) }
        writer.uint8(UInt8(truncatingIfNeeded: padding))
        writer.patch8(0xA0 | FeedbackFormat.transportWide, at: start)
    }
}
