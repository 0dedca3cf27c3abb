// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Testing

@testable import Simulation

/// The law of streams that are made of several encodings, on streams made by hand.
@Suite("View law")
struct ViewLawTests {
    private let start = Timestamp(nanoseconds: 1_000_000_000)

    /// Two encodings of frames of two packets each; frame 0 is a key frame, frames 1, 3 are upper layers on the one
    /// before, frame 5 of encoding 1 is a key frame. Packet 4 of encoding 0 never arrives.
    private func world() throws -> World {
        let world = try World(seed: 1)
        for encoding in 0..<2 {
            var ledger = SourceLedger(
                owner: 0, conference: 0, ssrc: 100 + UInt32(encoding), mediaType: .video, firstSequence: 7)
            ledger.layers = (0, encoding)
            for number in 0..<8 {
                let isKey = number == 0 || (number == 5 && encoding == 1)
                ledger.frames.append(
                    EncodedFrame(
                        first: 2 * number, parts: 2, isKey: isKey, temporal: number & 1,
                        pictureID: UInt16(100 + number), base: UInt8(number / 2), keyIndex: 1,
                        reference: isKey ? -1 : number & 1 == 1 ? number - 1 : number - 2, isSync: false))
                for part in 0..<2 {
                    ledger.packets.append(
                        SentPacket(
                            timestamp: UInt32(9_000 * number), frame: number, part: part, parts: 2, isKey: isKey,
                            payloadHash: 0, payloadBytes: 100))
                }
            }
            for index in 0..<16 where encoding == 1 || index != 4 {
                ledger.take(index, fate: .forwardable, at: start)
            }
            world.ledgers.append(ledger)
        }
        return world
    }

    private func sight(
        _ index: Int, as out: Int64, of ledger: Int = 0, time: Int? = nil, picture: Int? = nil, base: Int? = nil
    ) -> ViewLaw.Sight {
        ViewLaw.Sight(
            ledger: ledger, index: index, out: out, timestamp: UInt32(time ?? 9_000 * (index / 2)),
            pictureID: UInt16(picture ?? 100 + index / 2), base: UInt8(base ?? index / 4))
    }

    private func law(_ sights: [ViewLaw.Sight], in world: World) throws -> ViewLaw {
        var law = ViewLaw()
        for sight in sights { try law.admit(sight, world, mask: 0x7FFF, at: start) }
        return law
    }

    @Test("a stream holds that leaves a number free for what is lost and none for what is left out")
    func good() throws {
        let world = try world()
        let base = try law([sight(0, as: 50), sight(1, as: 51), sight(2, as: 52), sight(3, as: 53)], in: world)
        // Packet 4 is lost; frame 3 is left out, frame 4 goes on a number and a picture later.
        var whole = base
        for next in [sight(5, as: 55), sight(8, as: 56, picture: 103), sight(9, as: 57, picture: 103)] {
            try whole.admit(next, world, mask: 0x7FFF, at: start)
        }
        #expect(whole.sent == (7, 700))
        #expect(whole.switches == 0)
    }

    @Test(
        "a stream is refused that begins anywhere, has a hole for nothing or none for something, or uses numbers anew",
        arguments: [
            ([1], [50]), ([2], [50]), ([0, 1, 2], [50, 51, 53]), ([0, 1, 2], [50, 51, 51]), ([0, 1], [50, 52]),
            ([0, 1, 2, 3, 5], [50, 51, 52, 53, 54]), ([0, 2], [50, 51]), ([0, 1, 2, 4, 6], [50, 51, 52, 53, 54]),
        ])
    func numbers(_ indices: [Int], _ outs: [Int64]) throws {
        let world = try world()
        #expect(throws: Breach.self) { try law(zip(indices, outs).map { sight($0, as: $1) }, in: world) }
    }

    @Test("time stamps, picture ids and TL0PICIDX must go on")
    func identifiers() throws {
        let world = try world()
        let begun = [sight(0, as: 50), sight(1, as: 51)]
        for wrong in [
            sight(2, as: 52, time: 8_999), sight(2, as: 52, picture: 102), sight(2, as: 52, picture: 100),
            sight(2, as: 52, base: 1),
        ] {
            #expect(throws: Breach.self) { try law(begun + [wrong], in: world) }
        }
        #expect(throws: Breach.self) { try law([sight(0, as: 50), sight(1, as: 51, picture: 101)], in: world) }
    }

    @Test("no frame is sent whose reference was withheld, and none in part")
    func references() throws {
        let world = try world()
        let begun = [sight(0, as: 50), sight(1, as: 51)]
        // Frame 3 builds on frame 2, of which packet 5 had come.
        #expect(throws: Breach.self) { try law(begun + [sight(6, as: 52, picture: 101)], in: world) }
        let half = begun + [sight(2, as: 52)]
        #expect(throws: Breach.self) { try law(half + [sight(8, as: 54, picture: 102)], in: world) }
    }

    @Test("another encoding begins with a key frame, in time")
    func switches() throws {
        let world = try world()
        let begun = [sight(0, as: 50), sight(1, as: 51)]
        let good = sight(10, as: 52, of: 1, time: 3_000, picture: 101, base: 1)
        #expect(try law(begun + [good], in: world).switches == 1)
        for wrong in [
            sight(8, as: 52, of: 1, time: 3_000, picture: 101, base: 1),
            sight(11, as: 52, of: 1, time: 3_000, picture: 101, base: 1),
            sight(10, as: 52, of: 1, time: 0, picture: 101, base: 1),
            sight(10, as: 52, of: 1, time: 900_000, picture: 101, base: 1),
            sight(10, as: 2_000, of: 1, time: 3_000, picture: 101, base: 1),
        ] {
            #expect(throws: Breach.self) { try law(begun + [wrong], in: world) }
        }
    }

    @Test("a repeat is what was sent, was asked for, and follows the one before on its stream")
    func repeats() throws {
        let world = try world()
        var law = try law([sight(0, as: 50), sight(1, as: 51)], in: world)
        #expect(throws: Breach.self) { try law.admitRepeat(sight(1, as: 51), sequence: 5) }
        law = try self.law([sight(0, as: 50), sight(1, as: 51)], in: world)
        law.noteRequest(51)
        for wrong in [sight(0, as: 51), sight(1, as: 52), sight(1, as: 51, time: 1), sight(1, as: 51, picture: 1)] {
            var copy = law
            #expect(throws: Breach.self) { try copy.admitRepeat(wrong, sequence: 5) }
        }
        try law.admitRepeat(sight(1, as: 51), sequence: 5)
        law.noteRequest(51)
        #expect(throws: Breach.self) {
            var copy = law
            try copy.admitRepeat(sight(1, as: 51), sequence: 7)
        }
        try law.admitRepeat(sight(1, as: 51), sequence: 6)
        #expect(law.repeats == 2)
        #expect(throws: Breach.self) { try law.admitRepeat(sight(1, as: 51), sequence: 7) }
        // Asked for while the bridge itself was missing it.
        law = try self.law([sight(0, as: 50)], in: world)
        law.noteRequest(51)
        try law.admit(sight(1, as: 51), world, mask: 0x7FFF, at: start)
        try law.admitRepeat(sight(1, as: 51), sequence: 5)
    }
}
