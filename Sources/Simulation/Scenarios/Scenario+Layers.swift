// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import ShardMessages

// Video in several encodings and temporal layers, receivers who change their minds, and paths that lose it.

extension Scenario {
    static let layers = [
        Scenario(
            name: "layers", summary: "simulcast senders whose encodings come and go, receivers who change their minds",
            play: layers),
        Scenario(
            name: "lossy-layers", summary: "simulcast over paths that lose in bursts; everybody asks and repeats",
            // An original may come behind its repeat.
            drops: ["droppedSRTPReplay", "droppedDuplicate"], play: lossyLayers),
        Scenario(
            name: "narrow", summary: "paths with a rate and a queue that overflows, then one without both",
            play: narrow),
        Scenario(
            name: "dark", summary: "one direction of a simulcast path is dead for some seconds", play: dark),
        Scenario(
            name: "greedy", summary: "a receiver NACKs everything, floods PLI and FIR, and estimates nonsense",
            play: greedy),
    ]

    /// A client that sends in layers.
    private static func sender(_ world: World, loses: Bool = false) -> ClientSettings {
        var settings = ClientSettings.any(&world.random)
        settings.audioInterval = .milliseconds(60)
        settings.framesPerSecond = world.random.int(in: 6...10)
        settings.layers = .any(&world.random)
        settings.hasRTX = true
        settings.asksForRepeats = true
        settings.padding = 0.05
        guard loses else { return settings }
        for path in [\ClientSettings.uplink, \ClientSettings.downlink] {
            settings[keyPath: path].loss = (0.01, 0.4)
            settings[keyPath: path].turn = (0.02, 0.25)
            settings[keyPath: path].duplication = 0.02
            settings[keyPath: path].reordering = 0.02
            settings[keyPath: path].reorderDelay = .milliseconds(Int64(world.random.int(in: 2...40)))
        }
        return settings
    }

    /// One who sends no picture and looks at the others'.
    private static func viewer(_ world: World, loses: Bool = false) -> ClientSettings {
        var settings = sender(world, loses: loses)
        settings.layers = nil
        settings.sendsVideo = false
        settings.sendsAudio = world.random.int(in: 0...1) == 0
        return settings
    }

    /// Everybody says which heights they want, as they do when their channel is open.
    private static func choose(_ world: World) {
        world.after(.milliseconds(Int64(world.random.int(in: 200...1_000)))) { world in
            for client in world.clients {
                world.prefer(client, others: [180, 360, -1, -1][world.random.int(in: 0...3)])
            }
        }
    }

    /// Every now and then somebody wants another picture; in the end everybody one.
    private static func changeMinds(_ world: World, from start: Int64, to end: Int64, every step: Int64) {
        for moment in Swift.stride(from: start, to: end, by: Int64.Stride(step)) {
            world.after(.milliseconds(moment + Int64(world.random.int(in: 0...Int(step))))) { world in
                let client = world.clients[world.random.int(in: 0...world.clients.count - 1)]
                var named: [String: Int32] = [:]
                for group in world.groups where world.random.int(in: 0...1) == 0 {
                    named[group.name] = [0, 180, 360, 720, -1][world.random.int(in: 0...4)]
                }
                world.prefer(client, others: [0, 180, 720, -1][world.random.int(in: 0...3)], named: named)
            }
        }
        world.after(.milliseconds(end)) { world in
            for client in world.clients {
                world.prefer(client, others: [180, 360, 720, -1][world.random.int(in: 0...3)])
            }
        }
    }

    @Sendable private static func layers(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<2 { world.join(room, sender(world)) }
        for _ in 0..<world.random.int(in: 1...2) { world.join(room, viewer(world)) }
        changeMinds(world, from: 1_200, to: 4_000, every: 200)
        // The senders' own estimate takes the larger encodings away and gives them back.
        for moment in Swift.stride(from: 1_500, to: 3_800, by: 500) {
            world.after(.milliseconds(Int64(moment))) { world in
                let client = world.clients[world.random.int(in: 0...1)]
                world.setEncoding(
                    world.random.int(in: BridgeTraits.allocates ? 0...2 : 1...2), of: client,
                    isActive: world.random.int(in: 0...1) == 0)
            }
        }
        world.after(.milliseconds(4_010)) { world in
            for client in world.clients {
                for position in 0..<3 { world.setEncoding(position, of: client, isActive: true) }
            }
            world.calm()
        }
        world.after(.seconds(4 as Int64) + SimulationLimits.pictureBound) { $0.expectViews() }
        return .seconds(4 as Int64) + SimulationLimits.pictureBound + .milliseconds(10)
    }

    @Sendable private static func lossyLayers(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<2 { world.join(room, sender(world, loses: true)) }
        world.join(room, viewer(world, loses: true))
        choose(world)
        if world.random.int(in: 0...1) == 0 { changeMinds(world, from: 1_500, to: 3_500, every: 500) }
        world.after(.seconds(4 as Int64)) { $0.calm() }
        world.after(.seconds(4 as Int64) + SimulationLimits.pictureBound) { $0.expectViews() }
        return .seconds(4 as Int64) + SimulationLimits.pictureBound + .milliseconds(10)
    }

    @Sendable private static func narrow(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<2 { world.join(room, sender(world)) }
        world.join(room, viewer(world))
        choose(world)
        world.after(.milliseconds(Int64(world.random.int(in: 1_000...2_000)))) { world in
            let client = world.clients[world.random.int(in: 0...2)]
            let rate = world.random.int(in: 40...200) * 1_000
            let queue = TimeDelta.milliseconds(Int64(world.random.int(in: 20...400)))
            client.downlink.settings.rate = rate
            client.downlink.settings.queue = queue
            let other = world.clients[world.random.int(in: 0...1)]
            other.uplink.settings.rate = world.random.int(in: 80...300) * 1_000
            other.uplink.settings.queue = queue
        }
        world.after(.seconds(4 as Int64)) { $0.calm() }
        world.after(.seconds(4 as Int64) + SimulationLimits.pictureBound) { $0.expectViews() }
        return .seconds(4 as Int64) + SimulationLimits.pictureBound + .milliseconds(10)
    }

    @Sendable private static func dark(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<2 { world.join(room, sender(world)) }
        world.join(room, viewer(world))
        choose(world)
        let start = TimeDelta.milliseconds(Int64(world.random.int(in: 1_500...2_500)))
        let end = start + .milliseconds(Int64(world.random.int(in: 200...5_000)))
        let kind = world.random.int(in: 0...2)
        let victim = world.clients[world.random.int(in: 0...2)]
        world.after(start) { _ in
            if kind != 1 { victim.uplink.settings.isDown = true }
            if kind != 2 { victim.downlink.settings.isDown = true }
        }
        world.after(end) { $0.calm() }
        world.after(end + SimulationLimits.pictureBound) { $0.expectViews() }
        return end + SimulationLimits.pictureBound + .milliseconds(10)
    }

    @Sendable private static func greedy(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<2 { world.join(room, sender(world)) }
        let attacker = world.join(room, viewer(world))
        attacker.estimatesNonsense = true
        choose(world)
        for step in 0..<150 {
            world.after(.milliseconds(Int64(1_500 + 20 * step))) { world in
                let group = world.random.int(in: 0...1)
                let newest = attacker.views[group]?.highestOut ?? 0
                switch world.random.int(in: 0...3) {
                case 0:
                    let first = newest - Int64(world.random.int(in: -20...400))
                    attacker.ask(for: Array(first..<first + 200), of: group, in: world)
                case 1:
                    let ssrc = world.ledgers[world.groups[group].ledgers[0]].ssrc
                    attacker.sendControl(in: world) { writer in
                        for _ in 0..<20 {
                            KeyframeRequest.writePictureLoss(senderSSRC: 1, mediaSSRC: ssrc, to: &writer)
                        }
                    }
                case 2:
                    let ssrc = world.ledgers[world.groups[group].ledgers[0]].ssrc
                    attacker.sendControl(in: world) { writer in
                        for number in 0..<20 as Range<UInt8> {
                            KeyframeRequest.writeFullIntra(
                                senderSSRC: 1, entry: KeyframeRequest.Entry(ssrc: ssrc, sequence: number),
                                to: &writer)
                        }
                    }
                default:
                    let rate = [0, 1, 1 << 63, UInt64.max][world.random.int(in: 0...3)]
                    attacker.sendControl(in: world) { writer in
                        MaximumBitrateEstimate(senderSSRC: 1, bitrate: rate).write(sources: [1].span, to: &writer)
                    }
                }
            }
        }
        world.after(.milliseconds(4_600)) { $0.calm() }
        world.after(.milliseconds(7_500)) { $0.expectViews() }
        return .milliseconds(7_510)
    }
}
