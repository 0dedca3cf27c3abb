// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Primitives
import Telemetry

// ICE restarts in place: nobody may notice one.

extension Scenario {
    static let restarts = [
        Scenario(
            name: "restart", summary: "ICE is restarted in place, again and again, and nobody misses 200 ms of sound",
            drops: ["droppedUnknownFragment"], play: restart),
        Scenario(
            name: "roaming", summary: "a client comes to another network and restarts its ICE there",
            drops: ["droppedUnknownSource", "droppedUnknownFragment"], play: roaming),
        Scenario(
            name: "no-restart", summary: "a client asks for restarts and never follows them; nothing changes",
            configure: { $0.restart.timeout = .milliseconds(1_500) }, play: noRestart),
    ]

    private static func talker(_ world: World) -> ClientSettings {
        var settings = ClientSettings.any(&world.random)
        settings.pauses = false
        settings.framesPerSecond = 5
        return settings
    }

    @Sendable private static func restart(_ world: World) -> TimeDelta {
        let room = world.open()
        for index in 0..<3 {
            var settings = talker(world)
            settings.usesDTLS = index == 0 && world.random.int(in: 0...1) == 0
            world.join(room, settings)
        }
        let client = world.clients[0]
        let signalling = TimeDelta.milliseconds(Int64(world.random.int(in: 20...300)))
        world.after(.milliseconds(2_000)) { $0.watchGaps() }
        // One alone, then two close behind each other: before the client has followed the first it is the same one,
        // afterwards a newer one.
        world.after(.milliseconds(2_100)) { $0.restart(client, signalling: signalling) }
        let pause = Int64(world.random.int(in: 0...900))
        world.after(.milliseconds(4_000)) { $0.restart(client, signalling: signalling, follows: pause > 600) }
        world.after(.milliseconds(4_000 + pause)) { $0.restart(client, signalling: signalling) }
        // Words of other restarts come in between, those of former ones late and twice.
        for moment in [2_105, 4_005, 4_005 + pause] {
            world.after(.milliseconds(moment)) {
                $0.tellRestart(of: client, generation: 77, "nobody", "a-password-that-nobody-ever-had")
            }
        }
        world.after(.milliseconds(6_000)) {
            $0.tellRestart(of: client, generation: 1, "client0r1", "another-password-of-enough-letters-1")
        }
        world.after(.milliseconds(9_500)) { world in
            guard world.worker.counters.value(.iceRestartsSucceeded) >= 2 else {
                return world.fail(.liveness, "the restarts did not succeed")
            }
            world.expectSteadySound(within: SimulationLimits.restartGap)
        }
        return .milliseconds(9_510)
    }

    @Sendable private static func roaming(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<3 { world.join(room, talker(world)) }
        let client = world.clients[0]
        let signalling = TimeDelta.milliseconds(Int64(world.random.int(in: 20...300)))
        let move = TimeDelta.milliseconds(Int64(world.random.int(in: 2_000...3_000)))
        let checks = world.random.int(in: 0...1) == 0
        world.after(move) { world in
            world.move(client)
            // Some clients check from the new address by themselves, others restart and do nothing else.
            if !checks { client.moveChecks.left = 0 }
            if !checks { client.moveChecks.next = .distantFuture }
        }
        world.after(move + .milliseconds(Int64(world.random.int(in: 50...500)))) {
            $0.restart(client, signalling: signalling)
        }
        world.after(move + .milliseconds(500) + signalling * 2 + SimulationLimits.moveBound) {
            $0.expectLiveness(video: false)
        }
        return move + .milliseconds(510) + signalling * 2 + SimulationLimits.moveBound
    }

    @Sendable private static func noRestart(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<3 { world.join(room, talker(world)) }
        let client = world.clients[0]
        world.after(.milliseconds(2_000)) { $0.watchGaps() }
        for step in 0..<3 {
            world.after(.milliseconds(Int64(2_100 + 800 * step))) {
                $0.restart(client, signalling: .milliseconds(50), follows: false)
            }
        }
        world.after(.milliseconds(6_500)) { world in
            guard world.worker.counters.value(.iceRestartsFailed) >= 1 else {
                return world.fail(.liveness, "a restart that nobody followed did not end")
            }
            world.expectSteadySound(within: SimulationLimits.restartGap)
        }
        return .milliseconds(6_510)
    }
}
