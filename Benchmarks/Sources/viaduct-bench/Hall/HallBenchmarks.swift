// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives

/// What large meetings cost a worker besides encrypting and sending: packets that nobody wants, members who come and
/// go, kernel messages, memory.
struct HallBenchmarks {
    let directory: String
    /// More memory than the caches hold.
    private let ballast: UnsafeMutableBufferPointer<UInt64>
    private static let opus: UInt8 = 111
    private static let vp8: UInt8 = 100

    init(directory: String) {
        self.directory = directory
        ballast = .allocate(capacity: 1 << 23)
        ballast.initialize(repeating: 0)
    }

    func run() throws {
        heading("The hall, without thread and sockets; processor time")
        row("", "measured", "bar")
        try unwanted()
        for members in [10, 1_000] { try comingAndGoing(members) }
        try messages()
        try memory()
    }

    private func row(_ name: String, _ value: String, _ bar: String) {
        print("  " + padded(name, 62) + leftPadded(value, 14) + leftPadded(bar, 14))
        fflush(nil)
    }

    // MARK: Packets that nobody wants

    private func unwanted() throws {
        let hall = try Hall()
        let cases: [(name: String, member: Hall.Member, isConnected: Bool, isCold: Bool)] = [
            ("399 not connected", .full, false, false),
            ("399 who take audio only", .listener, true, false),
            ("the same, caches cold", .listener, true, true),
            ("399 who take another video format", .foreign, true, false),
            ("the same, caches cold", .foreign, true, true),
        ]
        for (name, member, isConnected, isCold) in cases {
            let sender = hall.assemble(1)[0]
            for _ in 1..<400 {
                let peer = hall.join(sender.conference, as: member).peer
                if isConnected { hall.connect(peer) }
            }
            let before = hall.forwarded
            var costs: [Double] = []
            for index in 0..<(isCold ? 300 : 2_100) {
                let packet = sender.seal(
                    ssrc: sender.videoSSRC, payloadType: Self.vp8, timestamp: UInt32(index) * 3_000,
                    payload: Self.picture(isKeyframe: false, bytes: 1_100))
                if isCold { sweep() }
                let cost = hall.receive([(sender, packet)])
                if index >= 100 { costs.append(Double(cost.total)) }
            }
            guard hall.forwarded == before else { fatal("somebody wanted it: \(name)") }
            row("a packet that nobody wants, \(name)", decimal(median(costs), 0) + " ns", "1,000 ns")
            _ = hall.end(sender.conference)
        }
    }

    /// Fills the caches with something else.
    private func sweep() {
        for index in stride(from: 0, to: ballast.count, by: 8) { ballast[index] &+= 1 }
    }

    // MARK: Coming and going

    private func comingAndGoing(_ count: Int) throws {
        let hall = try Hall()
        var peers = hall.assemble(count)
        let conference = peers[0].conference
        // Ten are heard by everybody.
        speak(hall, peers.prefix(10))
        var joins: [Double] = []
        var leaves: [Double] = []
        for index in 0..<60 {
            let (peer, cost) = hall.join(conference)
            let going = hall.leave(peer)
            if index >= 10 {
                joins.append(Double(cost.total) / 1_000)
                leaves.append(Double(going.total) / 1_000)
            }
        }
        row("join a conference of \(grouped(count))", decimal(median(joins), 1) + " µs", "20 µs")
        row("leave it again, without active pairs", decimal(median(leaves), 1) + " µs", "20 µs")
        // What follows later, for all members: a second with a join in it beside a second without.
        var rounds: [Double] = []
        for _ in 0..<5 {
            let calm = hall.pass(.seconds(1))
            let (peer, _) = hall.join(conference)
            rounds.append(Double(hall.pass(.seconds(1)) - calm) / 1_000)
            _ = hall.leave(peer)
            _ = hall.pass(.seconds(1))
        }
        row("everybody chooses anew for its sake, later", decimal(median(rounds), 0) + " µs", "–")
        let pairs = count - 1 + min(9, count - 1)
        var costs: [Double] = []
        for _ in 0..<5 {
            // The first is one of the ten.
            costs.append(Double(hall.leave(peers.removeFirst()).total) / 1_000)
            let peer = hall.join(conference).peer
            hall.connect(peer)
            peers.append(peer)
            speak(hall, peers.prefix(10))
        }
        row(
            "leave it as a speaker, with \(grouped(pairs)) active pairs", decimal(median(costs), 1) + " µs",
            decimal(20 + 0.05 * Double(pairs), 0) + " µs")
        let end = hall.end(conference)
        row(
            "end it: longest time without pause", decimal(Double(end.longest) / 1_000, 0) + " µs",
            "1,000 µs")
        row("end it: all of it", decimal(Double(end.total) / 1_000, 0) + " µs", "–")
    }

    /// One audio packet of each.
    private func speak(_ hall: Hall, _ peers: ArraySlice<Peer>) {
        for peer in peers {
            let packet = peer.seal(
                ssrc: peer.audioSSRC, payloadType: Self.opus, timestamp: 960, payload: [UInt8](repeating: 1, count: 80))
            _ = hall.receive([(peer, packet)])
        }
    }

    // MARK: Kernel messages

    private func messages() throws {
        var counts: [Int] = []
        for isMixed in [false, true] {
            let hall = try Hall()
            // Each of the six is received by six.
            let peers = hall.assemble(7)
            for frame in 0..<2 {
                // No two senders' frames are cut into packets of one size, nor evenly.
                let more = [0, 0, 1, 1]
                var packets: [(peer: Peer, bytes: [UInt8])] = []
                for (place, peer) in peers.prefix(6).enumerated() {
                    for index in 0..<4 {
                        let payload = Self.picture(
                            isKeyframe: frame == 0 && index == 0, bytes: 900 + 20 * place + more[index])
                        packets.append(
                            (
                                peer,
                                peer.seal(
                                    ssrc: peer.videoSSRC, payloadType: Self.vp8, timestamp: UInt32(frame) * 3_000,
                                    payload: payload)
                            ))
                    }
                }
                if isMixed {
                    packets = (0..<packets.count).map { packets[$0 % 6 * 4 + $0 / 6] }
                }
                hall.resetSent()
                _ = hall.receive(packets)
                if frame == 0 { continue }
                guard hall.sent.datagrams == 6 * 6 * 4 else { fatal("\(hall.sent.datagrams) packets, not 144") }
                counts.append(hall.sent.messages)
            }
        }
        row("kernel messages, 6 senders × 4 packets to 6 receivers, in a row", "\(counts[0])", "36")
        row("kernel messages, the same packets interleaved", "\(counts[1])", "39")
    }

    // MARK: Memory

    private func memory() throws {
        let bare = try probe("bare")
        let full = try probe("full")
        let pair = try probe("pair")
        row("memory of 500 endpoints without sources", decimal(bare / 1e6, 1) + " MB", "–")
        row("1,000 sources more, before any packet", decimal((full - bare) / 1e6, 1) + " MB", "5 MB")
        row("memory of an active pair (39,800 of them)", decimal(pair, 0) + " B", "250 B")
    }

    /// The memory that something takes in a process of its own.
    private func probe(_ name: String) throws -> Double {
        let log = directory + "/probe.log"
        let child = try ChildProcess(["/proc/self/exe", "--memory", name], log: log)
        let status = child.wait()
        let text = String(decoding: readFile(log) ?? [], as: UTF8.self)
        guard status == 0, let value = text.split(separator: "\n").last.flatMap({ Double($0) }) else {
            fatal("memory \(name): \(text)")
        }
        return value
    }

    /// What the child does: prints bytes.
    static func printMemory(_ name: String) throws {
        let hall = try Hall()
        if name == "pair" {
            let peers = hall.assemble(200)
            let speakers = peers.map { peer in
                peer.seal(
                    ssrc: peer.audioSSRC, payloadType: opus, timestamp: 960, payload: [UInt8](repeating: 1, count: 80))
            }
            let before = residentBytes()
            for (peer, packet) in zip(peers, speakers) { _ = hall.receive([(peer, packet)]) }
            guard hall.forwarded == 39_800 else { fatal("\(hall.forwarded) forwarded") }
            print(Double(residentBytes() - before) / 39_800)
            return
        }
        let before = residentBytes()
        let conference = hall.open()
        for _ in 0..<500 { hall.admit(to: conference, as: name == "bare" ? .receiver : .full) }
        print(residentBytes() - before)
    }

    private static func residentBytes() -> Int64 {
        guard let text = readFile("/proc/self/statm") else { return 0 }
        let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
        return (fields.count > 1 ? Int64(fields[1]) ?? 0 : 0) * 4_096
    }

    // MARK: Odds and ends

    private static func picture(isKeyframe: Bool, bytes: Int) -> [UInt8] {
        [0x10, isKeyframe ? 0x10 : 0x11, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00]
            + [UInt8](repeating: 0xAB, count: bytes - 11)
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private func grouped(_ value: Int) -> String {
        value < 1_000 ? "\(value)" : "\(value / 1_000),\(String(1_000 + value % 1_000).dropFirst())"
    }
}
