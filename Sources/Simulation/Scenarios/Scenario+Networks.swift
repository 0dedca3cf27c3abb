// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

// Paths as they are on bad days.

extension Scenario {
    static let networks = [
        Scenario(
            name: "bursts", summary: "loss in bursts, copies and reordering, both ways",
            drops: ["droppedSRTPReplay"], play: bursts),
        Scenario(
            name: "mobile", summary: "a phone changes its network, and is back within two seconds",
            drops: ["droppedUnknownSource"], play: mobile),
        Scenario(name: "blackout", summary: "a path is dead for some seconds", play: blackout),
    ]

    @Sendable private static func bursts(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<3 {
            var settings = ClientSettings.any(&world.random)
            settings.audioInterval = .milliseconds(40)
            settings.framesPerSecond = 5
            for path in [\ClientSettings.uplink, \ClientSettings.downlink] {
                settings[keyPath: path].loss = (0.01, 0.5)
                settings[keyPath: path].turn = (0.03, 0.2)
                settings[keyPath: path].duplication = 0.05
                settings[keyPath: path].reordering = 0.05
                settings[keyPath: path].reorderDelay = .milliseconds(Int64(world.random.int(in: 2...60)))
            }
            world.join(room, settings)
        }
        world.after(.seconds(4 as Int64)) { $0.calm() }
        world.after(.seconds(4 as Int64) + SimulationLimits.pictureBound) { $0.expectLiveness() }
        return .seconds(4 as Int64) + SimulationLimits.pictureBound + .milliseconds(10)
    }

    @Sendable private static func mobile(_ world: World) -> TimeDelta {
        let room = world.open()
        var phones: [VirtualClient] = []
        for index in 0..<3 {
            var settings = ClientSettings.any(&world.random)
            settings.usesDTLS = index == 0
            settings.audioInterval = .milliseconds(40)
            settings.framesPerSecond = 5
            settings.pauses = index > 0
            phones.append(world.join(room, settings))
        }
        let phone = phones[0]
        let isBack = world.random.int(in: 0...1) == 0
        let home = phone.address
        let first = TimeDelta.milliseconds(Int64(world.random.int(in: 2_000...3_000)))
        world.after(.milliseconds(1_900)) { $0.calm() }
        world.after(first) { $0.move(phone) }
        world.after(first) { $0.watchGaps() }
        world.after(first + SimulationLimits.moveBound) { world in
            world.expectLiveness(video: false)
            world.expectSteadySound(within: SimulationLimits.moveGap)
        }
        // Another change, or the way home.
        let second = first + .milliseconds(Int64(world.random.int(in: 3_000...5_000)))
        world.after(second) { $0.move(phone, to: isBack ? home : nil) }
        world.after(second + SimulationLimits.moveBound) { $0.expectLiveness(video: false) }
        world.after(second + SimulationLimits.pictureBound) { $0.expectLiveness() }
        return second + SimulationLimits.pictureBound + .milliseconds(10)
    }

    @Sendable private static func blackout(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<3 {
            var settings = ClientSettings.any(&world.random)
            settings.audioInterval = .milliseconds(60)
            settings.framesPerSecond = 5
            world.join(room, settings)
        }
        let start = TimeDelta.milliseconds(Int64(world.random.int(in: 1_500...2_500)))
        let end = start + .milliseconds(Int64(world.random.int(in: 1_000...9_000)))
        let kind = world.random.int(in: 0...2)
        world.after(start) { world in
            let client = world.clients[0]
            if kind != 1 { client.uplink.settings.isDown = true }
            if kind != 2 { client.downlink.settings.isDown = true }
        }
        world.after(end) { $0.calm() }
        world.after(end + SimulationLimits.pictureBound) { $0.expectLiveness() }
        return end + SimulationLimits.pictureBound + .milliseconds(10)
    }
}
