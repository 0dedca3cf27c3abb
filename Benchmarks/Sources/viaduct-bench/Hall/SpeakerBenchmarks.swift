// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Glibc
import Primitives

/// What a packet of a voice costs that comes in, in a meeting where few speak and in one where five hundred do:
/// receive, authentication, levels, and the decisions about the speaker. Nobody is sent anything, so that nothing
/// else is told.
struct SpeakerBenchmarks {
    private static let opus: UInt8 = 111
    /// Rounds of 20 ms: three seconds, ten decisions.
    private static let rounds = 150

    func run() throws {
        heading("Speakers of one conference; processor time per packet that comes in")
        for isRanked in [false, true] {
            let few = try perPacket(senders: 20, isRanked: isRanked)
            let many = try perPacket(senders: 500, isRanked: isRanked)
            let name = isRanked ? "with the loudest ranked" : "as configured by default"
            print("  " + padded("20 senders, \(name)", 62) + leftPadded(decimal(few, 0) + " ns", 14))
            print(
                "  " + padded("500 senders, \(name)", 62) + leftPadded(decimal(many, 0) + " ns", 14)
                    + leftPadded(decimal(many / few, 2) + " ×", 14))
            fflush(nil)
        }
    }

    private func perPacket(senders: Int, isRanked: Bool) throws -> Double {
        let hall = try Hall {
            if isRanked { $0.setLoudest(3, withDominant: true, lifetime: .milliseconds(150), alpha: 50) }
        }
        let peers = hall.assemble(senders) { _ in .listener }
        hall.deafen(peers)
        var random = Random(seed: 7)
        var cost: Int64 = 0
        var packets = 0
        let payload = [UInt8](repeating: 1, count: 80)
        for round in 0..<Self.rounds + 20 {
            if round == 20 { (cost, packets) = (0, 0) }
            // One speaks, and somebody else every two seconds.
            let speaker = round / 100 % senders
            var batch: [(peer: Peer, bytes: [UInt8])] = []
            for (index, peer) in peers.enumerated() {
                let level = UInt8(index == speaker ? random.int(in: 10...30) : random.int(in: 90...126))
                batch.append(
                    (
                        peer,
                        peer.seal(
                            ssrc: peer.audioSSRC, payloadType: Self.opus, timestamp: UInt32(round) * 960,
                            payload: payload, level: level)
                    ))
                guard batch.count == 64 || index == senders - 1 else { continue }
                cost += hall.receive(batch).total
                packets += batch.count
                batch = []
            }
            // What a batch takes of the 20 ms is the hall's own affair.
            cost += hall.pass(.milliseconds(19))
        }
        return Double(cost) / Double(packets)
    }
}
