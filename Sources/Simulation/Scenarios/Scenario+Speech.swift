// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Primitives
import ShardMessages
import Telemetry

// Who speaks, and who is heard.

extension Scenario {
    static let speech = [
        Scenario(
            name: "speakers", summary: "five people speak in a scripted order, and that is the order told", stride: 4,
            drops: ["droppedUnknownSource", "droppedUnknownFragment"], play: speakers),
        Scenario(
            name: "loudest", summary: "only the two loudest of seven are forwarded, without a gap", stride: 4,
            drops: ["droppedNotLoudest"],
            configure: { $0.setLoudest(2, withDominant: true, lifetime: .milliseconds(150), alpha: 50) },
            play: loudest),
    ]

    /// Somebody whose levels are a script.
    private static func speaker(_ world: World) -> ClientSettings {
        var settings = ClientSettings.any(&world.random)
        // Longer packets leave holes in the levels: nobody who sends them is ever a speaker for the original either.
        settings.audioInterval = .milliseconds(20)
        settings.uplink.loss.good = 0.01
        settings.sendsVideo = world.random.int(in: 0...2) == 0
        settings.framesPerSecond = 5
        return settings
    }

    @Sendable private static func speakers(_ world: World) -> TimeDelta {
        let room = world.open()
        let people = (0..<5).map { _ in world.join(room, speaker(world)) }
        for person in people { person.level = 100 }
        var script: [Int] = []
        for _ in 0..<6 {
            var next = world.random.int(in: 0...4)
            if next == script.last { next = (next + 1) % 5 }
            script.append(next)
        }
        let turn: Int64 = 2_600
        for (position, index) in script.enumerated() {
            world.after(.milliseconds(800 + turn * Int64(position))) { _ in
                for person in people { person.level = person.index == people[index].index ? 15 : 100 }
            }
            world.after(.milliseconds(800 + turn * Int64(position + 1) - 10)) { world in
                let told = world.speakers[room]?.last
                guard told?.dominant == people[index].number else {
                    return world.fail(
                        .speech, "turn \(position) is client \(index)'s, told was \(told.debugDescription)")
                }
            }
        }
        world.after(.milliseconds(800 + turn * 6)) { world in
            var expected: [EndpointNumber] = []
            for index in script.reversed() where !expected.contains(people[index].number) {
                expected.append(people[index].number)
            }
            let told = world.speakers[room] ?? []
            // Somebody may have been first before the script began.
            guard let last = told.last, ([last.dominant] + last.recent).starts(with: expected) else {
                return world.fail(.speech, "in the end \(told.last.debugDescription) was told, not \(expected)")
            }
            if Set(told).count != told.count, zip(told, told.dropFirst()).contains(where: { $0 == $1 }) {
                world.fail(.speech, "the same was told twice in a row")
            }
            // Who leaves is gone from every list.
            world.leave(people[script[5]])
            guard world.speakers[room]?.last?.dominant != people[script[5]].number else {
                return world.fail(.speech, "one who has left is told as the speaker")
            }
        }
        return .milliseconds(800 + turn * 6 + 50)
    }

    @Sendable private static func loudest(_ world: World) -> TimeDelta {
        let room = world.open()
        let people = (0..<7).map { _ in world.join(room, speaker(world)) }
        for _ in 0..<12 {
            let moment = Int64(world.random.int(in: 0...3_500))
            world.after(.milliseconds(moment)) { world in
                for person in people { person.level = UInt8(world.random.int(in: 5...127)) }
            }
        }
        world.after(.milliseconds(3_900)) { world in
            guard world.worker.counters.value(.droppedNotLoudest) > 100 else {
                return world.fail(.speech, "everybody was forwarded")
            }
        }
        return .milliseconds(4_000)
    }
}
