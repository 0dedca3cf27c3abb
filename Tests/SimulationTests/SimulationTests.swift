// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Testing

@testable import Simulation

/// The simulator itself: it plays the same seed the same way, and its laws can be broken.
@Suite("Simulation")
struct SimulationTests {
    @Test(
        "a scenario holds, and a second run of the seed leaves the same trace",
        arguments: ["two", "many", "lossy-layers"])
    func scenarioIsDeterministic(_ name: String) throws {
        let scenario = try #require(Scenario.named(name))
        let first = Run(scenario, seed: 3)
        let second = Run(scenario, seed: 3)
        #expect(first.violation == nil)
        #expect(first.hash == second.hash)
        #expect(first.events == second.events && first.events > 100)
        #expect(Run(scenario, seed: 4).hash != first.hash)
    }

    @Test(
        "seeds that once found a fault hold: a phone going home, a forged check, a foreign SSRC, a camera, late key frames",
        arguments: [("mobile", 5), ("forger", 1), ("foreign", 2), ("two", 7), ("lossy-layers", 371)])
    func foundSeeds(_ name: String, _ seed: UInt64) throws {
        #expect(Run(try #require(Scenario.named(name)), seed: seed).violation == nil)
    }

    @Test("a law that is broken stops the run and names itself, the scenario, the seed and the moment")
    func brokenLaw() {
        let scenario = Scenario(
            name: "nobody-joins", summary: "one is expected and does not come",
            play: { world in
                let room = world.open()
                world.join(room, ClientSettings())
                var silent = ClientSettings()
                silent.uplink.isDown = true
                world.join(room, silent)
                world.after(.seconds(2 as Int64)) { $0.expectLiveness() }
                return .seconds(3 as Int64)
            })
        let run = Run(scenario, seed: 1)
        #expect(run.violation?.law == .liveness)
        #expect(run.violation?.time == Timestamp(nanoseconds: 3_000_000_000))
        let line = SimulationProgram.line(run, scenario, seed: 1, revision: "r1")
        #expect(line.hasPrefix("BROKEN revision=r1 scenario=nobody-joins seed=1 time=3.000000s invariant=liveness: "))
    }

    @Test("names of scenarios are unique, and the expected failures among them")
    func names() {
        let names = Scenario.all.map(\.name)
        #expect(Set(names).count == names.count)
        for name in ExpectedFailures.reasons.keys { #expect(names.contains(name), "\(name)") }
    }

    @Test("events come in order of time, and of their queueing at one moment")
    func queueOrder() {
        var queue = EventQueue()
        var random = Random(seed: 1)
        for index in 0..<500 {
            queue.insert(.client(index), at: Timestamp(nanoseconds: Int64(random.int(in: 0...20))))
        }
        var last = (time: Timestamp.zero, index: -1)
        var count = 0
        while let time = queue.earliest, case .client(let index)? = queue.pop() {
            #expect(time > last.time || (time == last.time && index > last.index) || count == 0)
            last = (time, index)
            count += 1
        }
        #expect(count == 500)
    }

    @Test("a link loses, copies and reorders about as often as it is told, and keeps order otherwise")
    func link() {
        var random = Random(seed: 2)
        var settings = Link.Settings()
        settings.jitter = .milliseconds(20)
        var link = Link(settings, random: &random)
        var last = Timestamp.zero
        for step in 0..<1_000 {
            let time = link.pass(at: Timestamp(nanoseconds: Int64(step) * 1_000_000), isHandshake: false).first
            #expect(time.map { $0 >= last } == true)
            last = time ?? last
        }
        link.settings.loss = (0.1, 0.1)
        link.settings.duplication = 0.1
        var lost = 0
        var copied = 0
        for _ in 0..<10_000 {
            let (first, copy) = link.pass(at: last, isHandshake: false)
            lost += first == nil ? 1 : 0
            copied += copy == nil ? 0 : 1
        }
        #expect((850...1_150).contains(lost))
        #expect((750...1_050).contains(copied))
        link.settings.isDown = true
        #expect(link.pass(at: last, isHandshake: true).first == nil)
    }

    @Test("a link with a rate lets bits pass one by one, and loses what would wait too long")
    func rate() {
        var random = Random(seed: 3)
        var settings = Link.Settings()
        settings.delay = .milliseconds(10)
        settings.rate = 80_000
        settings.queue = .milliseconds(250)
        var link = Link(settings, random: &random)
        let start = Timestamp(nanoseconds: 1_000_000_000)
        // A hundred milliseconds each.
        let times = (0..<4).map { _ in link.pass(at: start, bytes: 1_000, isHandshake: false).first }
        let expected: [Int64?] = [110, 210, 310, nil]
        #expect(times == expected.map { wait in wait.map { start + .milliseconds($0) } })
        #expect(link.overflowed == 1)
        // An idle link owes nothing.
        let later = start + .seconds(10 as Int64)
        #expect(link.pass(at: later, bytes: 1_000, isHandshake: false).first == later + .milliseconds(110))
        link.settings.rate = 0
        #expect(link.pass(at: later, bytes: 1_000, isHandshake: false).first == later + .milliseconds(110))
        #expect(link.pass(at: later + .milliseconds(500), bytes: 1_000, isHandshake: false).copy == nil)
    }

    @Test("a picture needs every packet of every frame, or a key frame")
    func pictures() {
        func packet(_ frame: Int, _ part: Int, isKey: Bool = false) -> SentPacket {
            SentPacket(
                timestamp: 0, frame: frame, part: part, parts: 2, isKey: isKey, payloadHash: 0, payloadBytes: 0)
        }
        var picture = PictureAssembly()
        let start = Timestamp(nanoseconds: 1_000_000_000)
        picture.receive(packet(1, 0), at: start)
        picture.receive(packet(1, 1), at: start)
        #expect(picture.shown == 0)
        picture.receive(packet(2, 1, isKey: true), at: start)
        picture.receive(packet(2, 0, isKey: true), at: start)
        picture.receive(packet(3, 0), at: start)
        picture.receive(packet(3, 1), at: start)
        #expect(picture.shown == 2)
        picture.receive(packet(5, 0), at: start)
        picture.receive(packet(5, 1), at: start)
        picture.look(at: start + .milliseconds(200))
        #expect(picture.brokenSince != nil)
        picture.receive(packet(4, 0), at: start + .milliseconds(210))
        picture.receive(packet(4, 1), at: start + .milliseconds(210))
        #expect(picture.shown == 4 && picture.brokenSince == nil)
    }

    @Test("the law of streams sees a hole, a packet withheld, one sent twice and time that runs back")
    func streamLaw() throws {
        var ledger = SourceLedger(owner: 0, conference: 0, ssrc: 7, mediaType: .audio, firstSequence: 100)
        for index in 0..<6 {
            ledger.packets.append(
                SentPacket(
                    timestamp: UInt32(index) * 960, frame: index, part: 0, parts: 1, isKey: false, payloadHash: 0,
                    payloadBytes: 50))
            // Packet 2 is lost, packet 3 discarded.
            if index != 2 { ledger.take(index, fate: index == 3 ? .discarded : .forwardable, at: .zero) }
        }
        var law = StreamLaw()
        try law.admit(0, out: 50, timestamp: 0, of: ledger)
        try law.admit(1, out: 51, timestamp: 960, of: ledger)
        try law.admit(4, out: 53, timestamp: 3_840, of: ledger)
        #expect(law.sent == (3, 150))
        for (index, out, timestamp) in [(5, 55, 4_800), (5, 54, 1_000), (4, 53, 3_840), (1, 51, 960)] {
            var copy = law
            #expect(throws: Breach.self, "\(index) as \(out)") {
                try copy.admit(index, out: Int64(out), timestamp: UInt32(timestamp), of: ledger)
            }
        }
        var withheld = StreamLaw()
        try withheld.admit(0, out: 50, timestamp: 0, of: ledger)
        #expect(throws: Breach.self) { try withheld.admit(4, out: 53, timestamp: 3_840, of: ledger) }
    }
}
