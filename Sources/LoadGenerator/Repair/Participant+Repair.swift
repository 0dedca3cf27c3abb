// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import RTP

/// Packets asked for again, sent again, and taken in when they come (media-plane.md 6).
extension Participant {
    /// A packet of a judged source came that did not come before.
    func noteArrival(_ number: Int64, _ index: Int, isRepair: Bool, at now: Timestamp, _ context: inout LoopContext) {
        guard !gaps.isEmpty else { return }
        let isMissing = gaps[index - conference.firstVideo].take(
            number, isRepair: isRepair, roundTrip: &roundTrip, at: now, &context.statistics.repair)
        if isMissing { repairDue = now }
    }

    /// A retransmission of a packet of the video stream at `index` came.
    func handleRepair(
        _ packet: UnsafeMutableRawBufferPointer, _ header: HeaderView, _ index: Int, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        guard conference.streams[index].sender != planned.number else {
            context.statistics.misdelivered += 1
            return
        }
        guard let inbound, let start = packet.baseAddress else { return }
        let length: Int
        switch inbound.unprotect(start, byteCount: packet.count) {
        case .success(let count): length = count
        case .failure(.replayed):
            context.statistics.repair.needless += 1
            return
        case .failure(.refused):
            context.statistics.altered += 1
            return
        }
        context.statistics.retransmissions += 1
        let padding = header.hasPadding && length > header.byteCount ? Int(packet[length - 1]) : 0
        let end = length - padding
        let payload = header.byteCount + PacketMemory.addedBytes
        // With no packet inside it is padding (6.5).
        guard end > payload else {
            context.statistics.paddingOnly += 1
            return
        }
        let original = UInt16(packet[header.byteCount]) << 8 | UInt16(packet[header.byteCount + 1])
        let number = trackers[index].unwrap(original)
        guard trackers[index].note(repeated: number) else {
            context.statistics.repair.needless += 1
            return
        }
        noteArrival(number, index, isRepair: true, at: now, &context)
        judge(
            UnsafeRawBufferPointer(rebasing: packet[payload..<end]), header, number, index, at: now, &context)
    }

    /// Asks for what is missing and due.
    func askForMissing(at now: Timestamp, _ context: inout LoopContext) {
        repairDue = nil
        for place in gaps.indices where gaps[place].count > 0 {
            var numbers: [UInt16] = []
            gaps[place].ask(roundTrip: roundTrip, at: now, into: &numbers, &context.statistics.repair)
            if !numbers.isEmpty, let ssrc = slots.ssrc(of: conference.firstVideo + place) {
                sendRTCP(Reports.nack(numbers, from: ownSSRC, about: ssrc), &context)
                context.statistics.repair.nacksSent += 1
            }
            repairDue = earlier(repairDue, gaps[place].due(roundTrip: roundTrip))
        }
    }

    /// Sends again what a NACK asks for.
    func answer(_ packet: RTCPPacket, _ bytes: RawSpan, at now: Timestamp, _ context: inout LoopContext) {
        guard let destination, let outbound, let index = planned.video,
            let media = FeedbackHeader(packet, in: bytes)?.mediaSSRC,
            let encoding = conference.streams[index].encoding(of: media), encoding < videos.count
        else { return }
        var place = 0
        while let entry = GenericNACK(place, of: packet, in: bytes) {
            place += 1
            for bit in 0...16 as ClosedRange<UInt16> where bit == 0 || entry.mask >> (bit - 1) & 1 == 1 {
                sendAgain(entry.packetID &+ bit, encoding, destination, outbound, at: now, &context)
            }
        }
        if context.batch.batch.messageCount > 0 { port.flush(&context.batch.batch) }
    }

    private func sendAgain(
        _ sequence: UInt16, _ encoding: Int, _ destination: Destination, _ outbound: SRTPContext, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        context.statistics.repair.asked += 1
        if !context.batch.batch.hasRoom(datagrams: 1) { port.flush(&context.batch.batch) }
        guard let slot = context.batch.batch.reserve() else { return }
        switch videos[encoding].writeRepeat(of: sequence, to: slot, transportWide: transportWide, at: now) {
        case .written(let length):
            transportWide &+= 1
            commit(length, slot, destination, outbound, &context)
            context.statistics.repair.repeated += 1
        case .unknown: context.statistics.repair.unknown += 1
        case .repeatedAlready: break
        }
    }
}
