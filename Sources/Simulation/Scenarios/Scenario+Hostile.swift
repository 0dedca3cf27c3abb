// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import ShardMessages

// Members, and strangers, who mean harm.

extension Scenario {
    static let hostile = [
        Scenario(name: "reports", summary: "a member sends compounds of 42 sender reports", play: reports),
        Scenario(
            name: "forger", summary: "a member forges checks from another's address, ten a second", play: forger),
        Scenario(
            name: "keyframe-storm", summary: "1,024 and more pairs ask for key frames, then one too often",
            stride: 2, play: keyframeStorm),
        Scenario(
            name: "foreign", summary: "a member signals another's SSRC, and may have it when the other is gone",
            drops: ["droppedUnknownSSRC", "droppedUnknownSource", "droppedUnknownFragment"], play: foreign),
        Scenario(
            name: "noise", summary: "strangers send rubbish, replays and forgeries from everywhere",
            drops: [
                "droppedUnknownSource", "droppedUnknownFragment", "droppedNotMedia", "droppedTooShort",
                "droppedMalformedSTUN", "droppedBadIntegrity", "droppedTURNChannel", "droppedSRTPAuthentication",
                "droppedSRTPReplay", "droppedSRTPInvalid", "droppedDTLS", "droppedMalformedRTP", "droppedTooLong",
                "droppedBeforeKeys",
            ], play: noise),
        Scenario(
            name: "interleaved", summary: "packets of six senders mixed make no more kernel messages than in order",
            play: interleaved),
        Scenario(
            name: "crowd", summary: "a meeting of 200 at full load beside a meeting of three", stride: 5, play: crowd),
    ]

    @Sendable private static func reports(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<5 {
            var settings = ClientSettings.any(&world.random)
            settings.pauses = false
            settings.sendsVideo = world.random.int(in: 0...1) == 0
            world.join(room, settings)
        }
        let attacker = world.clients[0]
        for burst in 0..<10 {
            world.after(.milliseconds(Int64(1_500 + burst * world.random.int(in: 10...120)))) { world in
                guard let audio = attacker.audio else { return }
                for _ in 0..<world.random.int(in: 1...6) { floodReports(of: audio, by: attacker, in: world) }
            }
        }
        world.after(.milliseconds(3_500)) { $0.expectLiveness() }
        return .milliseconds(3_510)
    }

    private static func floodReports(of source: MediaSource, by attacker: VirtualClient, in world: World) {
        let ledger = source.ledger
        let start = world.ledgers[ledger].reports.count
        let base = UInt64(max(0, world.now.nanoseconds)) + 1_790_000_000_000_000_000
        for number in 0..<42 {
            world.ledgers[ledger].reports.append(
                (NTPTime(nanosecondsSince1970: base + UInt64(start + number)), source.timestamp, false))
        }
        let list = (start..<start + 42).map { (ledger: ledger, index: $0) }
        attacker.sendControl(in: world, reports: list) { writer in
            for (_, index) in list {
                SenderReport(
                    ssrc: source.ssrc, ntp: world.ledgers[ledger].reports[index].ntp,
                    rtpTimestamp: source.timestamp, packetCount: source.packets, octetCount: source.octets
                ).write(to: &writer)
            }
        }
    }

    @Sendable private static func forger(_ world: World) -> TimeDelta {
        let room = world.open()
        for _ in 0..<3 {
            var settings = ClientSettings.any(&world.random)
            settings.uplink.jitter = .zero
            world.join(room, settings)
        }
        let (victim, attacker) = (world.clients[0], world.clients[1])
        let refuge = TransportAddress(ipv4: 0x0B01_0203, port: 4_000)
        world.owners[refuge] = attacker.index
        let moves = world.random.int(in: 0...1) == 1
        // Until the victim has proven the new address it may count as nobody's, or as the forger's.
        if moves { world.allowedDrops.formUnion(["droppedUnknownSource", "droppedSRTPAuthentication"]) }
        for step in 0..<60 {
            world.after(.milliseconds(Int64(1_500 + 100 * step))) { world in
                guard let local = attacker.local else { return }
                let check = attacker.check(of: local, serial: UInt64(1 << 32 + step))
                world.inject(check, from: victim.address)
                // The address that the victim will move to was forged before.
                if moves { world.inject(attacker.check(of: local, serial: UInt64(1 << 33 + step)), from: refuge) }
            }
        }
        world.after(.milliseconds(3_000)) { $0.calm() }
        world.after(.milliseconds(5_000)) { world in
            world.expectLiveness()
            if moves { world.move(victim, to: refuge) }
        }
        world.after(.milliseconds(7_000)) { $0.expectLiveness(video: false) }
        return .milliseconds(7_600)
    }

    @Sendable private static func keyframeStorm(_ world: World) -> TimeDelta {
        let room = world.open()
        let count = 36
        for _ in 0..<count {
            var settings = ClientSettings.any(&world.random)
            settings.sendsAudio = false
            settings.reports = false
            settings.uplink.jitter = .zero
            settings.uplink.delay = .milliseconds(10)
            world.join(room, settings).video?.isActive = false
        }
        func ask(_ client: VirtualClient, for other: VirtualClient, in world: World) {
            guard let ssrc = other.video?.ssrc else { return }
            client.sendControl(in: world) { writer in
                KeyframeRequest.writePictureLoss(senderSSRC: 1, mediaSSRC: ssrc, to: &writer)
            }
        }
        // Every pair but one per source asks once, as fast as the sources allow.
        for round in 1..<count - 1 {
            world.after(.milliseconds(Int64(1_000 + 205 * round))) { world in
                for owner in 0..<count {
                    ask(world.clients[(owner + round) % count], for: world.clients[owner], in: world)
                }
            }
        }
        // Then that one asks without end.
        let victim = world.random.int(in: 0...count - 1)
        let start = 1_000 + 205 * count
        for step in 0..<50 {
            world.after(.milliseconds(Int64(start + 205 * step))) { world in
                ask(world.clients[(victim + count - 1) % count], for: world.clients[victim], in: world)
            }
        }
        let first = world.now + .milliseconds(Int64(start))
        world.after(.milliseconds(Int64(start + 9_900))) { world in
            let client = world.clients[victim]
            let times = client.video.flatMap { client.keyframeRequests[$0.ssrc] } ?? []
            let passed = times.filter { $0 >= first }.count
            if passed > 3 { world.fail(.keyframes, "\(passed) of 50 requests of one pair passed in 10 s, not 3") }
            if passed == 0 { world.fail(.keyframes, "none of 50 requests of one pair passed in 10 s") }
        }
        return .milliseconds(Int64(start + 10_300))
    }

    @Sendable private static func foreign(_ world: World) -> TimeDelta {
        let room = world.open()
        let owner = world.join(room, .any(&world.random))
        var settings = ClientSettings.any(&world.random)
        settings.sendsAudio = false
        let other = world.join(room, settings)
        world.join(room, .any(&world.random))
        world.after(.milliseconds(Int64(world.random.int(in: 0...2_000)))) { world in
            guard let ssrc = owner.audio?.ssrc else { return }
            other.audio = world.source(of: other, .audio, ssrc: ssrc)
            world.ledgers[world.ledgers.count - 1].isForeign = true
            var media = EndpointMedia()
            media.sources = world.signalled(of: other)
            _ = world.request([.updateEndpoint(other.number, media: media, remote: nil)], in: room)
            world.schedule(other)
        }
        world.after(.milliseconds(2_500)) { $0.leave(owner) }
        world.after(.milliseconds(2_600)) { $0.calm() }
        world.after(.milliseconds(4_500)) { $0.expectLiveness() }
        return .milliseconds(4_510)
    }

    @Sendable private static func noise(_ world: World) -> TimeDelta {
        let room = world.open()
        for index in 0..<4 {
            var settings = ClientSettings.any(&world.random)
            settings.isVisitor = index == 3
            settings.usesDTLS = index == 0
            world.join(room, settings)
        }
        for step in 0..<400 {
            world.after(.milliseconds(Int64(step * 8))) { world in
                let victim = world.clients[world.random.int(in: 0...3)]
                var bytes = world.random.bytes(world.random.int(in: 0...200))
                switch world.random.int(in: 0...5) {
                case 0: bytes = victim.audio?.lastDatagram ?? bytes
                case 1: bytes = victim.video?.lastDatagram ?? bytes
                case 2 where bytes.count > 12: bytes[0] = 0x80 | bytes[0] & 0x3F
                case 3 where bytes.count > 12: bytes[0] = 22
                case 4 where bytes.count > 20: bytes[0] = 0
                default: break
                }
                let from =
                    world.random.int(in: 0...2) == 0
                    ? TransportAddress(ipv4: 0x0102_0304, port: 9) : world.clients[world.random.int(in: 0...3)].address
                // A check that names somebody and has the wrong key gets no answer.
                if let local = victim.local, world.random.int(in: 0...7) == 0 {
                    var wrong = local
                    wrong.password = "a-password-that-nobody-was-given"
                    bytes = victim.check(of: wrong, serial: UInt64(step) + 1 << 40)
                }
                // A copy never overtakes the original: whoever listens hears it on its way.
                let delay = victim.uplink.settings.delay + victim.uplink.settings.jitter + .milliseconds(1)
                if !bytes.isEmpty { world.inject(bytes, from: from, after: delay) }
            }
        }
        world.after(.milliseconds(3_000)) { $0.calm() }
        world.after(.milliseconds(5_500)) { $0.expectLiveness() }
        return .milliseconds(5_510)
    }

    @Sendable private static func interleaved(_ world: World) -> TimeDelta {
        let room = world.open()
        for index in 0..<12 {
            var settings = ClientSettings()
            settings.sendsAudio = false
            settings.sendsVideo = index < 6
            settings.hasTransportCC = false
            settings.reports = false
            world.join(room, settings).video?.isActive = false
        }
        let senders = Array(world.clients[..<6])
        var counts = [0, 0]
        for step in 0..<40 {
            // The first frames begin the streams and are not counted.
            let isMixed = step % 2 == 1
            world.after(.milliseconds(Int64(1_500 + 40 * step))) { world in
                for position in 0..<24 {
                    let (sender, part) = isMixed ? (position % 6, position / 6) : (position / 4, position % 4)
                    senders[sender].sendExactly(part: part, of: 4, bytes: 200 + 20 * sender, in: world)
                }
                let before = world.worker.messages
                guard step >= 4 else { return }
                world.after(.milliseconds(30)) { counts[isMixed ? 1 : 0] += $0.worker.messages - before }
            }
        }
        world.after(.milliseconds(3_500)) { world in
            if counts[0] < 18 * 36 { world.fail(.world, "only \(counts[0]) messages in order") }
            if counts[1] * 10 > counts[0] * 11 {
                world.fail(.messages, "\(counts[1]) kernel messages when mixed, \(counts[0]) in order")
            }
        }
        return .milliseconds(3_510)
    }

    @Sendable private static func crowd(_ world: World) -> TimeDelta {
        let (large, small) = (world.open(), world.open())
        for index in 0..<200 {
            var settings = ClientSettings()
            settings.sendsAudio = false
            settings.sendsVideo = index < 4
            // Some of those that are served first, and some whose turn comes when packets were parked.
            settings.isWatched = index < 4 || index % 25 == 24
            settings.reports = false
            world.join(large, settings).video?.isActive = false
        }
        for _ in 0..<3 {
            var settings = ClientSettings()
            settings.pauses = false
            world.join(small, settings)
        }
        let senders = Array(world.clients[..<4])
        world.after(.milliseconds(1_500)) { $0.transits[small] = [] }
        for step in 0..<10 {
            world.after(.milliseconds(Int64(1_500 + 60 * step))) { world in
                for sender in senders {
                    for part in 0..<14 { sender.sendExactly(part: part, of: 14, bytes: 200, in: world) }
                }
            }
        }
        world.after(.milliseconds(2_300)) { world in
            let transits = (world.transits[small] ?? []).sorted()
            guard transits.count > 100 else { return world.fail(.world, "the small meeting is too quiet") }
            let tail = transits[transits.count * 99 / 100]
            if tail > SimulationLimits.fairTransit {
                world.fail(.fairness, "packets of the small meeting take \(tail.microseconds) µs (99 %)")
            }
        }
        return .milliseconds(2_400)
    }
}
