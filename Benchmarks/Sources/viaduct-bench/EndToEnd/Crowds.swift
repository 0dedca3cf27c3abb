// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives

/// Many on one worker: a small call beside a large meeting, and many small conferences.
struct Crowds {
    let bed: Bed

    /// Transit of three people while a meeting of 400 keeps the same worker busy.
    func neighbours() throws {
        heading("Three people beside a meeting of 400 on the same worker; bar: transit p99 2 ms")
        print(
            "  " + padded("senders among the 400", 30) + leftPadded("worker", 9) + leftPadded("packets/s", 11)
                + leftPadded("lost", 9) + leftPadded("audio p50", 11) + leftPadded("p99", 8)
                + leftPadded("video p50", 11) + leftPadded("p99 ms", 8) + "  the three perfect")
        for senders in [0, 1, 3, 5] {
            let process = try bed.startHealthyBridge()
            defer { process.end() }
            var meeting = Scenario(
                name: "meeting", participants: 400, audioSenders: senders, videoSenders: senders)
            meeting.verification = "headers"
            let large = bed.directory + "/meeting.json"
            let small = bed.directory + "/three.json"
            // The three are the ones who are measured: their process goes first.
            let crowd = try bed.startLoad(
                meeting, bridge: process, seconds: bed.seconds + 4, result: large, priority: 10, more: ["--seed", "7"])
            let everybody = bed.secondsUntil(limit: 60) {
                usleep(100_000)
                return Metrics.read(port: Bed.http)["jitsi_jvb_ice_succeeded_total"] ?? 0 >= 400
            }
            guard everybody != nil else { fatal("the meeting does not assemble") }
            usleep(1_500_000)
            var three = Scenario(name: "three", participants: 3, audioSenders: 3, videoSenders: 3)
            three.verification = "all"
            let call = try bed.outcome(
                try bed.startLoad(three, bridge: process, seconds: bed.seconds, result: small), result: small)
            let load = try bed.outcome(crowd, result: large)
            func ms(_ quantile: String, _ isVideo: Bool) -> String {
                decimal(call.transit(quantile, isVideo: isVideo), 2)
            }
            var text = "  " + padded("\(senders), audio + 1.5 Mbit/s each", 30)
            text += leftPadded(decimal(load.share * 100, 0) + " %", 9)
            text += leftPadded(decimal(load.packetsPerSecond, 0), 11) + leftPadded(decimal(load.lost, 0), 9)
            text += leftPadded(ms("p50", false), 11) + leftPadded(ms("p99", false), 8)
            text += leftPadded(ms("p50", true), 11) + leftPadded(ms("p99", true), 8)
            print(text + "  " + (call.isPerfect ? "yes" : "no: \(call.imperfections.joined(separator: "; "))"))
            for note in [call.bottleneck, load.bottleneck].compactMap({ $0 }) {
                print("    note: the generator was the bottleneck: \(note)")
            }
            fflush(nil)
        }
    }

    /// 2,000 endpoints in 200 conferences: how many packets per second one worker carries without loss.
    func conferences() throws {
        heading("2,000 endpoints in 200 conferences on one worker; in each, some who speak and one camera")
        print(
            "  " + padded("speakers and camera", 30) + leftPadded("worker", 9) + leftPadded("µs/packet", 11)
                + leftPadded("packets/s", 11) + leftPadded("lost", 9) + leftPadded("kB/endpoint", 13)
                + leftPadded("generators", 12) + "  perfect")
        var held = 0.0
        for (speakers, camera) in [(1, 60), (1, 250), (1, 400), (2, 250), (3, 250), (4, 250), (6, 250)] {
            let crowd = try crowd(speakers: speakers, kilobits: camera)
            var text = "  " + padded("\(speakers) + \(camera) kbit/s", 30)
            text += leftPadded(decimal(crowd.share * 100, 0) + " %", 9)
            text += leftPadded(decimal(crowd.share * 1e6 / crowd.packetsPerSecond, 2), 11)
            text += leftPadded(decimal(crowd.packetsPerSecond, 0), 11) + leftPadded(decimal(crowd.lost, 0), 9)
            text += leftPadded(decimal(crowd.grownBytes / 2_000_000, 0), 13)
            text += leftPadded(decimal(crowd.generators * 100, 0) + " %", 12)
            print(text + "  " + (crowd.imperfections.isEmpty ? "yes" : "no: " + crowd.imperfections[0]))
            for note in crowd.notes.prefix(1) { print("    note: the generator was the bottleneck: \(note)") }
            fflush(nil)
            // More would only be lost.
            guard crowd.imperfections.isEmpty else { break }
            held = crowd.packetsPerSecond
        }
        line("held without loss", decimal(held, 0) + " packets/s")
    }

    private struct Crowd {
        var share = 0.0
        var packetsPerSecond = 0.0
        var lost = 0.0
        var grownBytes = 0.0
        /// Processor time of all generators per second.
        var generators = 0.0
        var imperfections: [String] = []
        var notes: [String] = []
    }

    /// Eight processes play a part of the conferences each: libsrtp2 over NSS slows down with the number of contexts
    /// in its process.
    private func crowd(speakers: Int, kilobits: Int) throws -> Crowd {
        let processes = 8
        let process = try bed.startHealthyBridge()
        defer { process.end() }
        var scenario = Scenario(
            name: "crowd", conferences: 200 / processes, participants: 10, audioSenders: speakers, videoSenders: 1,
            videoBitrate: kilobits * 1_000, pacing: .even)
        scenario.verification = "headers"
        let before = process.residentBytes
        let loads = try (0..<processes).map { index in
            let result = bed.directory + "/crowd\(index).json"
            let more = ["--seed", "\(100 + index)", "--ramp", "50", "--join-timeout", "60"]
            return (
                result,
                try bed.startLoad(scenario, bridge: process, seconds: bed.seconds, result: result, more: more)
            )
        }
        var crowd = Crowd()
        for (result, child) in loads {
            let call = try bed.outcome(child, result: result)
            crowd.share += call.share / Double(processes)
            crowd.packetsPerSecond += call.packetsPerSecond
            crowd.lost += call.lost
            crowd.generators += call.json["generator_load"]?.doubleValue ?? .nan
            crowd.imperfections += call.imperfections
            crowd.notes += [call.bottleneck].compactMap { $0 }
            crowd.grownBytes = max(crowd.grownBytes, call.residentBytes - Double(before))
        }
        return crowd
    }
}
