// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaPlane
import Primitives
import TestSupport
import Testing

@testable import LoadGenerator

/// Drives one video sender under virtual time, as a media thread does.
private struct Player {
    private static let begin = Timestamp(nanoseconds: 1_000_000_000)
    private var sender: VideoSender
    private var packet = [UInt8](repeating: 0, count: 1_600)

    init(_ line: String) throws {
        guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
            throw LoadError.usage("no run")
        }
        var random = Random(seed: 3)
        sender = VideoSender(
            planned: PlannedStream(ssrc: 7, isVideo: true, sender: 0), encoding: VideoEncoding.all(options)[0],
            options: options, random: &random,
            at: Self.begin)
    }

    /// When the sender wants its next turn, from the beginning.
    var due: TimeDelta { sender.due - Self.begin }

    /// A turn: whether a frame began with it, and the bytes of each packet that left.
    mutating func turn(at time: TimeDelta) -> (begins: Bool, packets: [Int]) {
        let now = Self.begin + time
        let begins = sender.beginFrame(at: now)
        var packets: [Int] = []
        // Ends: a frame has a last packet.
        while sender.hasPacket(at: now) {
            packets.append(
                packet.withUnsafeMutableBytes { sender.writePacket(to: $0, transportWide: 0, at: now) })
            if sender.yields(at: now) { break }
        }
        return (begins, packets)
    }

    /// When each packet left, frame by frame, from its frame's beginning.
    mutating func frames(_ count: Int) -> [[TimeDelta]] {
        var frames: [[TimeDelta]] = []
        var begin = TimeDelta.zero
        // Ends: the sender makes 30 frames per second.
        while frames.count <= count {
            let now = due
            let (begins, packets) = turn(at: now)
            if begins {
                frames.append([])
                begin = now
            }
            frames[frames.count - 1] += packets.map { _ in now - begin }
        }
        return frames.dropLast()
    }
}

@Suite("Interleaving", .serialized)
struct InterleaveTests {
    @Test("a frame is spread evenly over its interval; a key frame takes as long as 2.5 times the rate needs")
    func pacing() throws {
        var player = try Player("--interleave --video-bitrate 1.5M")
        let frames = player.frames(60)
        // The first is a key frame of five mean frames: two intervals.
        let key = try #require(frames[0].last).seconds
        #expect(frames[0].count > 20 && key > 0.055 && key < 0.067)
        // What waited for it has caught up.
        for frame in frames[10...] {
            let count = Double(frame.count)
            #expect(count >= 4 && count <= 7)
            for (index, time) in frame.enumerated() {
                #expect(abs(time.seconds - Double(index) / 30 / count) < 0.000_1)
            }
        }
    }

    @Test("with a common tick packets leave at its multiples alone, and the rate stays what it was")
    func tick() throws {
        var player = try Player("--interleave --video-bitrate 1.5M --tick 10")
        var bytes = 0
        while player.due < .seconds(20 as Int64) {
            let now = player.due
            let packets = player.turn(at: now).packets
            // A nanosecond for each packet that has left at the same moment.
            if !packets.isEmpty { #expect(now.nanoseconds % 10_000_000 < 30) }
            bytes += packets.reduce(0) { $0 + $1 - VideoSender.headerBytes }
        }
        #expect(abs(Double(bytes * 8) / 20 / 1_500_000 - 1) < 0.05)
    }

    @Test("a sender that was held up sends one packet a turn, and its next one is due when it would have been")
    func late() throws {
        var player = try Player("--interleave --video-bitrate 1.5M")
        for _ in 0..<100 { _ = player.turn(at: player.due) }
        let now = player.due + .milliseconds(15)
        #expect(player.turn(at: now).packets.count == 1)
        // The earliest is served first, so that others who are late come in between.
        #expect(player.due < now)
        var whole = try Player("--video-bitrate 1.5M")
        #expect(whole.turn(at: whole.due + .milliseconds(15)).packets.count > 1)
    }

    @Test(
        "at the bridge's door packets of six senders lie one between the others, each stream in order",
        arguments: ["--interleave", "--interleave --tick 10", ""])
    func mixed(flags: String) throws {
        // The oracle of the other tests in this process initialises libsrtp2 and insists on being the first.
        _ = LibSRTP(.sender, profile: 7, keyAndSalt: [UInt8](repeating: 0, count: 28))
        let focus = try WorkerFocus(usesOffload: true)
        defer { focus.worker.stop() }
        let network = try FaultyNetwork(target: try #require(focus.worker.boundAddresses.first).port, faults: [])
        defer { network.stop() }
        focus.advertisedPort = network.port
        let line =
            "--channel none --participants 6 --audio-senders 0 --duration 2 --quiet --verify sample " + flags
        guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
            return
        }
        let result = try LoadRun(options, focus: focus).run()
        #expect(result.hasBegun)
        let packets = network.passages.filter { $0.payloadType == Offer.vp8 }
        #expect(packets.count > 1_500)
        var last: [UInt32: FaultyNetwork.Passage] = [:]
        for packet in packets {
            if let previous = last[packet.ssrc] {
                #expect(packet.sequence == previous.sequence &+ 1)
                #expect(Int32(bitPattern: packet.timestamp &- previous.timestamp) >= 0)
            }
            last[packet.ssrc] = packet
        }
        #expect(last.count == 6)
        let changes = zip(packets, packets.dropFirst()).count { $0.ssrc != $1.ssrc }
        let run = Double(packets.count) / Double(changes + 1)
        if flags.isEmpty {
            #expect(run > 3, "packets of one sender in a row: \(run)")
        } else {
            #expect(run < 1.5, "packets of one sender in a row: \(run)")
        }
    }
}
