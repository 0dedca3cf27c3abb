// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives

/// What it costs to send each receiver the encoding that it asked for: per packet forwarded, beside a camera of one
/// encoding in the same run, and per packet that comes in when hardly anybody watches.
struct LayerBenchmarks {
    private static let vp8: UInt8 = 100
    private static let bytes = 1_100

    func run() throws {
        heading("Layers, without thread and sockets; processor time")
        try forwarding()
        try watching()
    }

    private func row(_ name: String, _ value: String, _ bar: String) {
        print("  " + padded(name, 62) + leftPadded(value, 14) + leftPadded(bar, 14))
        fflush(nil)
    }

    // MARK: Forwarded packets

    private func forwarding() throws {
        var plain: [Double] = []
        var layered: [Double] = []
        // In turn, so that a slow minute hits both.
        for _ in 0..<5 {
            plain.append(try perForwarded(encodings: 1, heights: [720]))
            layered.append(try perForwarded(encodings: 3, heights: [180, 360, 720]))
        }
        let ratios = zip(layered, plain).map { $0 / $1 }
        row("forward a packet of one encoding to 99", decimal(median(plain), 0) + " ns", "–")
        row("of three encodings, 33 receivers of each", decimal(median(layered), 0) + " ns", "–")
        row("ratio", decimal(median(ratios), 2) + " ×", "1.25 ×")
    }

    private func perForwarded(encodings: Int, heights: [Int32]) throws -> Double {
        let (hall, sender, receivers) = try meeting(receivers: 99, encodings: encodings)
        for (index, peer) in receivers.enumerated() { hall.ask(peer, height: heights[index % heights.count]) }
        var camera = BenchmarkCamera(sender, encodings: encodings)
        warm(hall, &camera)
        let before = hall.forwarded
        var cost: Int64 = 0
        for _ in 0..<400 {
            let packets = camera.frame(packets: 4, bytes: Self.bytes)
            // Each encoding's frame comes as a batch of its own, as browsers send them.
            for start in stride(from: 0, to: packets.count, by: 4) {
                cost += hall.receive(packets[start..<start + 4].map { (sender, $0) }).total
            }
            _ = hall.pass(.milliseconds(32))
        }
        let forwarded = hall.forwarded - before
        guard forwarded > 400 * 4 * 90 else { fatal("only \(forwarded) packets of layers were forwarded") }
        return Double(cost) / Double(forwarded)
    }

    // MARK: Packets that few want

    private func watching() throws {
        var few: [Double] = []
        var many: [Double] = []
        for _ in 0..<3 {
            few.append(try perIncoming(receivers: 5))
            many.append(try perIncoming(receivers: 500))
        }
        row("a packet for 5 of 5 receivers, three encodings", decimal(median(few), 0) + " ns", "–")
        row(
            "a packet for 5 of 500 receivers", decimal(median(many), 0) + " ns",
            decimal(2 * median(few), 0) + " ns")
    }

    private func perIncoming(receivers count: Int) throws -> Double {
        let (hall, sender, receivers) = try meeting(receivers: count, encodings: 3)
        for (index, peer) in receivers.enumerated() { hall.ask(peer, height: index < 5 ? 720 : 0) }
        var camera = BenchmarkCamera(sender, encodings: 3)
        warm(hall, &camera)
        let before = hall.forwarded
        var costs: [Double] = []
        for _ in 0..<300 {
            var cost: Int64 = 0
            let packets = camera.frame(packets: 4, bytes: Self.bytes)
            for start in stride(from: 0, to: packets.count, by: 4) {
                cost += hall.receive(packets[start..<start + 4].map { (sender, $0) }).total
            }
            costs.append(Double(cost) / Double(packets.count))
            _ = hall.pass(.milliseconds(32))
        }
        guard hall.forwarded - before == 300 * 4 * 5 else {
            fatal("\(hall.forwarded - before) packets went to the five")
        }
        return median(costs)
    }

    // MARK: Odds and ends

    private func meeting(receivers: Int, encodings: Int) throws -> (Hall, Peer, [Peer]) {
        let hall = try Hall()
        let peers = hall.assemble(receivers + 1) { $0 > 0 ? .receiver : encodings > 1 ? .simulcast : .full }
        return (hall, peers[0], Array(peers.dropFirst()))
    }

    /// Until everybody has what it asked for.
    private func warm(_ hall: Hall, _ camera: inout BenchmarkCamera) {
        for round in 0..<90 {
            // Those who change ask for key frames; here they come by themselves.
            let packets = camera.frame(packets: 4, bytes: Self.bytes, isKeyframe: round % 30 == 0)
            for start in stride(from: 0, to: packets.count, by: 4) {
                _ = hall.receive(packets[start..<start + 4].map { (camera.sender, $0) })
            }
            _ = hall.pass(.milliseconds(32))
        }
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

/// A camera as Chromium sends VP8, in one or several encodings of three temporal layers.
struct BenchmarkCamera {
    let sender: Peer
    private let encodings: Int
    private var number: UInt16 = 0
    private var base: UInt8 = 0
    private var position = 0

    init(_ sender: Peer, encodings: Int) {
        self.sender = sender
        self.encodings = encodings
    }

    /// The sealed packets of the next frame of every encoding, one after another.
    mutating func frame(packets: Int, bytes: Int, isKeyframe: Bool = false) -> [[UInt8]] {
        number &+= 1
        position = isKeyframe ? 0 : position + 1
        let temporal: UInt8 = [0, 2, 1, 2][position % 4]
        if temporal == 0 { base &+= 1 }
        var result: [[UInt8]] = []
        for encoding in 0..<encodings {
            for part in 0..<packets {
                // RFC 7741: X, S with the first packet; I, L, T; a picture id of 15 bits, TL0PICIDX, TID.
                var payload: [UInt8] = [
                    part == 0 ? 0x90 : 0x80, 0xE0, 0x80 | UInt8(number >> 8 & 0x7F), UInt8(number & 0xFF), base,
                    temporal << 6,
                ]
                // The frame header, of a key frame with its size.
                let height = UInt16(180 << encoding)
                payload += part > 0 ? [0xAB] : isKeyframe ? [0x10, 0x02, 0, 0x9D, 0x01, 0x2A] : [0x11, 0x02, 0]
                if part == 0, isKeyframe {
                    let width = UInt16(320 << encoding)
                    payload += [UInt8(width & 255), UInt8(width >> 8), UInt8(height & 255), UInt8(height >> 8)]
                }
                payload += [UInt8](repeating: 0xAB, count: bytes - payload.count)
                result.append(
                    sender.seal(
                        ssrc: sender.videoSSRC &+ UInt32(encoding) << 16, payloadType: 100,
                        timestamp: UInt32(number) * 3_000, payload: payload, isLast: part == packets - 1))
            }
        }
        return result
    }
}
