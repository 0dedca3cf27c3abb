// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

// Meetings as they are every day.

extension Scenario {
    static let meetings = [
        Scenario(
            name: "two", summary: "two people talk; one is muted for a while, a camera goes off and on",
            drops: ["droppedUnknownSSRC"], play: two),
        Scenario(
            name: "handshake", summary: "three people with real DTLS over lossy paths", stride: 2, play: handshake),
        Scenario(name: "stage", summary: "nine people on a stage, with mutes and a visitor", stride: 2, play: stage),
        Scenario(
            name: "many", summary: "a dozen small meetings on one worker",
            drops: ["droppedUnknownSource", "droppedUnknownFragment"], play: many),
        Scenario(
            name: "storm", summary: "people come and go in swarms",
            drops: ["droppedUnknownSource", "droppedUnknownFragment"], play: storm),
    ]

    @Sendable private static func two(_ world: World) -> TimeDelta {
        let room = world.open()
        let first = world.join(room, .any(&world.random))
        let second = world.join(room, .any(&world.random))
        world.after(.milliseconds(2_500)) { $0.expectLiveness() }
        world.after(.milliseconds(2_600)) { $0.mute(first, audio: true) }
        world.after(.milliseconds(Int64(world.random.int(in: 2_700...3_300)))) { $0.mute(first, video: true) }
        world.after(.milliseconds(3_400)) { $0.mute(first, audio: false) }
        world.after(.milliseconds(Int64(world.random.int(in: 3_500...4_000)))) { $0.mute(first, video: false) }
        world.after(.milliseconds(Int64(world.random.int(in: 3_000...4_000)))) { $0.setVideo(second, isOn: false) }
        world.after(.milliseconds(Int64(world.random.int(in: 4_100...4_500)))) { $0.setVideo(second, isOn: true) }
        world.after(.milliseconds(4_600)) { $0.calm() }
        world.after(.milliseconds(7_000)) { $0.expectLiveness() }
        return .milliseconds(7_010)
    }

    @Sendable private static func handshake(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<3 {
            var settings = ClientSettings.any(&world.random)
            settings.usesDTLS = true
            settings.uplink.loss.good = 0.05
            settings.downlink.loss.good = 0.05
            // Bursts would make the number of handshake datagrams decide over media.
            world.join(room, settings)
        }
        world.after(.seconds(5 as Int64)) { $0.calm() }
        world.after(.seconds(5 as Int64) + SimulationLimits.pictureBound) { $0.expectLiveness() }
        return .seconds(5 as Int64) + SimulationLimits.pictureBound + .milliseconds(10)
    }

    @Sendable private static func stage(_ world: World) -> TimeDelta {
        let room = world.open()
        for index in 0..<9 {
            let isCamera = index < 4
            world.after(.milliseconds(Int64(world.random.int(in: 0...400)))) { world in
                var settings = ClientSettings.any(&world.random)
                settings.sendsVideo = isCamera
                settings.framesPerSecond = 5
                world.join(room, settings)
            }
        }
        world.after(.milliseconds(500)) { world in
            var settings = ClientSettings.any(&world.random)
            settings.isVisitor = true
            world.join(room, settings)
        }
        world.after(.milliseconds(1_600)) { world in
            let members = world.members(of: room)
            world.mute(members[world.random.int(in: 0...8)], audio: true)
            world.mute(members[world.random.int(in: 0...8)], video: true)
        }
        world.after(.milliseconds(2_000)) { world in
            for member in world.members(of: room) { world.mute(member, audio: false, video: false) }
            world.calm()
        }
        world.after(.milliseconds(4_200)) { $0.expectLiveness() }
        return .milliseconds(4_210)
    }

    @Sendable private static func many(_ world: World) -> TimeDelta {
        for position in 0..<12 {
            let room = world.open()
            for _ in 0..<world.random.int(in: 2...4) {
                world.after(.milliseconds(Int64(world.random.int(in: 0...600)))) { world in
                    var settings = ClientSettings.any(&world.random)
                    settings.sendsVideo = world.random.int(in: 0...1) == 0
                    world.join(room, settings)
                }
            }
            if position % 4 == 0 { world.after(.milliseconds(Int64(1_000 + 50 * position))) { $0.close(room) } }
        }
        world.after(.milliseconds(1_500)) { $0.calm() }
        world.after(.milliseconds(3_500)) { $0.expectLiveness() }
        return .milliseconds(3_510)
    }

    @Sendable private static func storm(_ world: World) -> TimeDelta {
        let rooms = [world.open(), world.open()]
        for _ in 0..<24 {
            let room = rooms[world.random.int(in: 0...1)]
            let start = Int64(world.random.int(in: 0...1_200))
            let stays = world.random.int(in: 0...2) == 0
            let end = start + Int64(world.random.int(in: 20...900))
            world.after(.milliseconds(start)) { world in
                var settings = ClientSettings.any(&world.random)
                settings.sendsVideo = world.random.int(in: 0...2) == 0
                let client = world.join(room, settings)
                if !stays { world.after(.milliseconds(end - start)) { $0.leave(client) } }
            }
        }
        world.after(.milliseconds(2_200)) { $0.calm() }
        world.after(.milliseconds(4_400)) { $0.expectLiveness() }
        return .milliseconds(4_410)
    }
}
