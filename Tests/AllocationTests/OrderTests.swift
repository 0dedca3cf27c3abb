// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// Which sources a receiver may get (media-plane.md 9.2).
@Suite("Order and last-N")
struct OrderTests {
    private func states(_ meeting: Meeting) -> [SourceAllocation.State] { meeting.results.map(\.state) }

    @Test("who spoke last comes first")
    func speakers() {
        let meeting = Meeting()
        for _ in 0..<4 { meeting.add() }
        meeting.sources[0].speakerPlace = 3
        meeting.sources[3].speakerPlace = 0
        meeting.demand.lastN = 2
        meeting.run()
        #expect(states(meeting) == [.beyondLastN, .forwarded, .beyondLastN, .forwarded])
    }

    @Test("on stage goes before selected, selected before the speakers")
    func named() {
        let meeting = Meeting()
        for _ in 0..<5 { meeting.add() }
        meeting.name(4)
        meeting.name(3, isOnStage: false)
        for (lastN, expected) in [1: "- - - - 720@30", 2: "- - - 720@30 720@30", 3: "180@30 - - 720@30 720@30"] {
            meeting.demand.lastN = Int32(lastN)
            meeting.run()
            #expect(meeting.sent() == expected, "\(lastN)")
        }
    }

    @Test("sources of one owner are taken as it lists them")
    func positions() {
        let meeting = Meeting()
        for position in [1, 0] {
            let source = meeting.add(owner: 7)
            meeting.sources[source].speakerPlace = 0
            meeting.sources[source].position = UInt32(position)
        }
        meeting.demand.lastN = 1
        meeting.run()
        #expect(states(meeting) == [.beyondLastN, .forwarded])
    }

    @Test("what is muted, unwanted or its own takes none of the last-N")
    func notCounted() {
        let meeting = Meeting()
        for _ in 0..<6 { meeting.add() }
        meeting.sources[0].isEnabled = false
        meeting.sources[1].owner = Meeting.receiver
        meeting.wishes = [
            NamedWish(source: 2, wish: .nothing),
            NamedWish(source: 3, wish: SourceWish(maxHeight: 720, maxFrameRate: FrameRate(perSecond: 0))),
        ]
        meeting.demand.lastN = 1
        let outcome = meeting.run()
        #expect(states(meeting) == [.disabled, .own, .unwanted, .unwanted, .forwarded, .beyondLastN])
        #expect(outcome.forwarded == 1)
        #expect(outcome.beyondLastN == 1)
        // Nor is its sender asked for it.
        #expect(meeting.results.map(\.wish.maxHeight) == [0, 0, 0, 0, 180, 0])
    }

    @Test("a muted source stays behind although it is on stage")
    func mutedOnStage() {
        let meeting = Meeting()
        for _ in 0..<2 { meeting.add() }
        meeting.sources[0].isEnabled = false
        meeting.name(0)
        meeting.demand.lastN = 1
        meeting.run(kilobits: 1_000)
        #expect(states(meeting) == [.disabled, .forwarded])
    }

    @Test("a source without layers takes its place among the last-N and is not sent")
    func withoutLayers() {
        let meeting = Meeting()
        meeting.add(layers: [])
        meeting.add()
        meeting.demand.lastN = 1
        meeting.run()
        #expect(states(meeting) == [.withoutLayers, .beyondLastN])
        #expect(meeting.results[0].wish.maxHeight == 180)
    }

    @Test("before a receiver asks it gets nothing; last-N 0 gives nothing")
    func nothing() {
        let meeting = Meeting()
        meeting.add()
        meeting.demand.defaultWish = .nothing
        meeting.run()
        #expect(states(meeting) == [.unwanted])
        meeting.demand.defaultWish = SourceWish(maxHeight: -1)
        meeting.demand.lastN = 0
        meeting.run()
        #expect(states(meeting) == [.beyondLastN])
        meeting.demand.lastN = 1
        meeting.run()
        #expect(meeting.sent() == "720@30")
    }

    @Test("who gets what does not depend on the order in which sources are listed")
    func permutations() {
        let failure = checkProperty(cases: 300) { random in
            let (a, b) = (Meeting(), Meeting())
            let count = random.int(in: 1...30)
            for _ in 0..<count { a.add(Meeting.usual.map { $0 * UInt64(random.int(in: 1...20)) / 10 }) }
            for place in 0..<count {
                a.sources[place].speakerPlace = UInt32(random.int(in: 0...5))
                a.sources[place].position = UInt32(random.int(in: 0...1))
                a.sources[place].kind = random.int(in: 0...3) == 0 ? .desktop : .camera
                a.sources[place].isEnabled = random.int(in: 0...4) > 0
            }
            for _ in 0..<random.int(in: 0...4) {
                let source = random.int(in: 0...count - 1)
                guard !a.wishes.contains(where: { Int($0.source) == source }) else { continue }
                a.name(source, maxHeight: 720, isOnStage: random.int(in: 0...1) == 0)
            }
            let order = (0..<count).shuffled(using: &random)
            b.layers = a.layers
            b.sources = order.map { a.sources[$0] }
            b.results = a.results
            b.wishes = a.wishes.map { wish in
                var wish = wish
                wish.source = UInt32(order.firstIndex(of: Int(wish.source)) ?? 0)
                return wish
            }
            a.demand.lastN = Int32(random.int(in: -1...10))
            b.demand.lastN = a.demand.lastN
            let rate = UInt64(random.int(in: 0...20_000))
            guard a.run(kilobits: rate) == b.run(kilobits: rate) else { return "another outcome" }
            return order.map { a.results[$0] } == b.results ? nil : "\(a.sent()) and \(b.sent()) by \(order)"
        }
        #expect(failure == nil)
    }

    @Test("sorting in place agrees with the library's")
    func sorting() {
        let failure = checkProperty(cases: 500) { random in
            var buffer = GrowableBuffer<RankedSource>()
            let ranked = (0..<random.int(in: 0...70)).map { place in
                RankedSource(
                    rank: UInt32(random.int(in: 0...3)), speakerPlace: UInt32(random.int(in: 0...3)),
                    position: UInt32(random.int(in: 0...1)), source: UInt32(place), key: UInt64(random.int(in: 0...9)))
            }
            for element in ranked { buffer.append(element) }
            buffer.sortByRank()
            let expected = ranked.sorted { $0.comes(before: $1) }.map(\.source)
            return (0..<buffer.count).map { buffer[$0].source } == expected ? nil : "\(expected)"
        }
        #expect(failure == nil)
    }
}
