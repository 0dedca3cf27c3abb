// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import TestSupport
import Testing

@Suite("SpeechActivity (media-plane.md 10.2, 10.3)")
struct SpeechActivityTests {
    /// Members whose levels are a script.
    struct Room: ~Copyable {
        var activity: SpeechActivity
        var now = Timestamp(nanoseconds: 5_000_000_000)
        var changes: [SpeechActivity.Change] = []
        private var heard: Set<UInt16> = []

        init(_ members: Int, _ configure: (inout SpeechSettings) -> Void = { _ in }) {
            var settings = SpeechSettings()
            configure(&settings)
            activity = SpeechActivity(settings: settings)
            for member in 0..<members { activity.join(UInt16(member)) }
        }

        /// Everybody sends a packet each 20 ms at the level given for it, 8 where none is; `nil` sends nothing. Before
        /// they speak they are heard breathing: the least level has to be known.
        mutating func run(_ duration: TimeDelta, _ levels: [UInt16: UInt8?]) {
            let end = now + duration
            while now < end {
                for position in 0..<activity.order.count {
                    let member = activity.order[position]
                    guard let level = levels[member] ?? 8 else { continue }
                    if heard.insert(member).inserted { _ = activity.note(5, of: member, at: now) }
                    _ = activity.note(level, of: member, at: now)
                }
                pass(.milliseconds(20))
            }
        }

        mutating func pass(_ duration: TimeDelta) {
            let end = now + duration
            // Ends: each decision is later than the one before.
            while let next = activity.nextDecision, next <= end {
                now = max(now, next)
                let change = activity.decide(at: now)
                if change != SpeechActivity.Change() { changes.append(change) }
            }
            now = end
        }

        var order: [UInt16] { (0..<activity.order.count).map { activity.order[$0] } }
        var recent: [UInt16] { (0..<activity.recent.count).map { activity.recent[$0] } }
        var dominant: UInt16? { activity.dominant }
    }

    @Test("a single speaker is the dominant one at once")
    func single() {
        var room = Room(3)
        expect(room.activity.nextDecision == nil)
        _ = room.activity.note(1, of: 2, at: room.now)
        room.pass(.milliseconds(299))
        expect(room.dominant == nil)
        room.pass(.milliseconds(1))
        expect(room.dominant == 2)
        expect(room.order == [2, 0, 1])
        expect(room.changes.count == 1)
        expect(room.changes[0].isNews && room.changes[0].isNewDominant && room.changes[0].isNewOrder)
    }

    @Test("who speaks in turn is dominant in turn; order and recent speakers follow")
    func turns() {
        var room = Room(4)
        for speaker in [UInt16(1), 3, 0, 1] {
            room.run(.seconds(3 as Int64), [speaker: 110])
            expect(room.dominant == speaker)
        }
        expect(room.recent == [1, 0, 3])
        expect(room.order == [1, 0, 3, 2])
    }

    @Test("a short burst never takes over: immediate high, long at its least")
    func burst() {
        var room = Room(2)
        room.run(.seconds(3 as Int64), [0: 100])
        for _ in 0..<40 {
            // 80 ms: four loud levels of five.
            room.run(.milliseconds(80), [0: 100, 1: 127])
            room.run(.milliseconds(420), [0: 100])
        }
        expect(room.dominant == 0)
        expect(room.recent == [0])
    }

    @Test("who speaks as loudly as the dominant one does not take over")
    func equals() {
        var room = Room(2)
        room.run(.seconds(2 as Int64), [0: 100])
        room.run(.seconds(20 as Int64), [0: 100, 1: 100])
        expect(room.dominant == 0)
    }

    @Test("comfort noise and pauses of DTX do not move the speaker")
    func comfortNoise() {
        var room = Room(3)
        room.run(.seconds(3 as Int64), [0: 105])
        // 1 sends the noise of its room steadily, 2 a packet of it now and then; 0 has stopped.
        for _ in 0..<50 {
            room.run(.milliseconds(380), [0: nil as UInt8?, 1: 67, 2: nil as UInt8?])
            room.run(.milliseconds(20), [0: nil as UInt8?, 1: 71, 2: 76])
        }
        expect(room.dominant == 0)
        expect(room.recent == [0])
    }

    @Test("thousands of loud packets a second from one member for a moment move nobody")
    func flood() {
        var room = Room(2)
        room.run(.seconds(3 as Int64), [0: 100])
        for _ in 0..<20 {
            for _ in 0..<1_000 { _ = room.activity.note(127, of: 1, at: room.now) }
            room.run(.milliseconds(600), [0: 100])
        }
        expect(room.dominant == 0)
    }

    @Test("recent speakers: those who were dominant, ten and the present one, each once")
    func recentSpeakers() {
        var room = Room(14)
        for speaker in (0..<14).map({ UInt16($0) }) + [5] {
            room.run(.seconds(2 as Int64), [speaker: 110])
            expect(room.dominant == speaker)
        }
        expect(room.recent == [5, 13, 12, 11, 10, 9, 8, 7, 6, 4, 3])
    }

    @Test("who leaves is in no list any more, at once; the one before is told as the dominant speaker")
    func leaving() {
        var room = Room(3)
        for speaker in [UInt16(0), 1, 2] { room.run(.seconds(2 as Int64), [speaker: 110]) }
        expect(room.recent == [2, 1, 0])
        let one = room.activity.leave(1)
        expect(one.isNews && !one.isNewDominant)
        expect(room.recent == [2, 0])
        expect(room.order == [2, 0])
        let two = room.activity.leave(2)
        expect(two.isNews)
        expect(room.dominant == nil)
        expect(room.recent == [0])
        room.changes = []
        room.run(.seconds(1 as Int64), [:])
        expect(room.dominant == 0)
        expect(room.changes.allSatisfy { !$0.isNews })
        let last = room.activity.leave(0)
        expect(last.isNews)
        expect(room.recent.isEmpty)
        // Twice is once, and the number may be another's afterwards.
        let again = room.activity.leave(0)
        expect(!again.isNews)
        room.activity.join(2)
        expect(!room.activity.activity(of: 2).isKnown)
    }

    @Test("15 s after the last level nothing is decided any more; the next level begins again")
    func idle() {
        var room = Room(2)
        room.run(.seconds(1 as Int64), [0: 110])
        room.pass(.seconds(14 as Int64))
        expect(room.activity.nextDecision != nil)
        room.pass(.seconds(2 as Int64))
        expect(room.activity.nextDecision == nil)
        expect(room.dominant == 0)
        room.run(.seconds(2 as Int64), [1: 110])
        expect(room.activity.nextDecision != nil)
        expect(room.dominant == 1)
    }

    @Test("who was not heard for an hour is forgotten as a speaker, but for the dominant one")
    func expiry() {
        var room = Room(3)
        room.run(.seconds(2 as Int64), [0: 110])
        room.pass(.seconds(3_601 as Int64))
        _ = room.activity.note(9, of: 2, at: room.now)
        room.pass(.seconds(1 as Int64))
        expect(room.activity.activity(of: 0).isKnown)
        expect(!room.activity.activity(of: 1).isKnown)
        expect(room.activity.activity(of: 2).isKnown)
        expect(room.dominant == 0)
    }

    @Test("silence is told after its time and ends with the first speech; without detection it is not")
    func silence() {
        for detects in [true, false] {
            var room = Room(2) { $0.detectsSilence = detects }
            room.run(.seconds(2 as Int64), [0: 110])
            room.changes = []
            room.run(.seconds(3 as Int64), [:])
            expect(!room.activity.isSilent)
            room.run(.seconds(2 as Int64), [:])
            expect(room.activity.isSilent == detects)
            expect(room.dominant == 0, "the last one")
            expect(room.changes.count == (detects ? 1 : 0))
            room.run(.seconds(2 as Int64), [1: 110])
            expect(!room.activity.isSilent)
            expect(room.dominant == 1)
            room.run(.seconds(6 as Int64), [:])
            room.run(.seconds(2 as Int64), [1: 110])
            expect(!room.activity.isSilent)
            expect(room.recent == [1, 0])
        }
    }

    @Test("the loudest three are forwarded, and the dominant speaker")
    func loudest() {
        var room = Room(6) { $0.routesLoudestOnly = true }
        let levels: [UInt16: UInt8?] = [0: 60, 1: 70, 2: 80, 3: 90, 4: 100]
        room.run(.seconds(1 as Int64), levels)
        func verdicts(_ room: inout Room) -> [Bool] {
            defer { room.now = room.now + .milliseconds(20) }
            return (0..<6).map { member in
                room.activity.note((levels[UInt16(member)] ?? 8) ?? 8, of: UInt16(member), at: room.now)
            }
        }
        expect(verdicts(&room) == [false, false, true, true, true, false] || room.dominant == 0)
        // The dominant one goes on although others are louder now.
        room = Room(6) { $0.routesLoudestOnly = true }
        room.run(.seconds(1 as Int64), [0: 60])
        room.run(.milliseconds(300), [0: 60, 1: 70, 2: 70, 3: 70])
        expect(room.dominant == 0)
        expect(room.activity.note(60, of: 0, at: room.now))
        room = Room(6) {
            $0.routesLoudestOnly = true
            $0.alwaysRoutesDominant = false
        }
        room.run(.seconds(1 as Int64), [0: 60])
        room.run(.milliseconds(300), [0: 60, 1: 70, 2: 70, 3: 70])
        expect(room.dominant == 0)
        let isForwarded = room.activity.note(60, of: 0, at: room.now)
        expect(!isForwarded)
    }

    @Test("who was not heard for 150 ms has no place among the loudest")
    func rankExpiry() {
        var room = Room(3) {
            $0.routesLoudestOnly = true
            $0.loudest = 1
            $0.alwaysRoutesDominant = false
        }
        room.run(.seconds(1 as Int64), [0: 110, 1: 60])
        expect(!room.activity.note(60, of: 1, at: room.now))
        room.now = room.now + .milliseconds(100)
        expect(!room.activity.note(60, of: 1, at: room.now))
        room.now = room.now + .milliseconds(40)
        expect(room.activity.note(60, of: 1, at: room.now))
    }

    @Test("a place more or less does not matter: hostile numbers of places and members")
    func extremes() {
        var room = Room(2) {
            $0.routesLoudestOnly = true
            $0.loudest = 0
            $0.recentSpeakers = -5
        }
        room.run(.seconds(1 as Int64), [0: 110])
        expect(room.dominant == 0)
        expect(room.activity.note(100, of: 0, at: room.now))
        expect(!room.activity.note(100, of: 1, at: room.now))
        room.run(.seconds(3 as Int64), [1: 110])
        expect(room.recent == [1])
        let isForwarded = room.activity.note(100, of: 9_999, at: room.now)
        expect(isForwarded, "nobody's")
    }

    @Test("joins, leaves, levels and decisions in any order keep the lists right")
    func lists() {
        let failure = checkProperty(cases: 200) { random in
            var room = Room(0) { $0.routesLoudestOnly = true }
            var members: Set<UInt16> = []
            for _ in 0..<400 {
                switch random.int(in: 0...9) {
                case 0:
                    let member = UInt16(random.int(in: 0...20))
                    if members.insert(member).inserted { room.activity.join(member) }
                case 1:
                    let member = UInt16(random.int(in: 0...20))
                    members.remove(member)
                    _ = room.activity.leave(member)
                case 2: room.pass(.milliseconds(Int64(random.int(in: 0...700))))
                default:
                    guard let member = members.sorted().dropFirst(random.int(in: 0...20)).first else { continue }
                    _ = room.activity.note(UInt8(random.int(in: 0...127)), of: member, at: room.now)
                }
                guard room.order.sorted() == members.sorted() else { return "order \(room.order), \(members)" }
                guard Set(room.recent).count == room.recent.count, room.recent.count <= 11,
                    members.isSuperset(of: room.recent)
                else { return "recent \(room.recent)" }
                if let dominant = room.dominant, room.recent.first != dominant || !members.contains(dominant) {
                    return "dominant \(dominant), recent \(room.recent)"
                }
            }
            return nil
        }
        expect(failure == nil)
    }
}
