// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import SCTP

/// Data channels: both ends of one association in this thread, without DTLS and sockets.
enum ChannelBenchmarks {
    static func all() -> [Benchmark] {
        [
            message(1_160, checksum: true), message(1_160, checksum: false), message(200, checksum: true),
            message(30_000, checksum: true),
        ]
    }

    /// From `send` to the event on the other side, with all acknowledgements; the queue is kept full, so that small
    /// messages share packets.
    private static func message(_ bytes: Int, checksum: Bool) -> Benchmark {
        let name = "data channel, \(bytes) B message, both ends" + (checksum ? "" : ", no checksum")
        return Benchmark(name, operations: bytes > 10_000 ? 1_000 : 20_000) { count in
            var pair = AssociationPair(checksum: checksum)
            pair.carry([UInt8](repeating: 7, count: bytes), count)
            return 0
        }
    }
}

/// Two ends of an association and nothing between them.
private struct AssociationPair: ~Copyable {
    private var now = Timestamp(nanoseconds: 1_000_000_000)
    private var sender: DataChannels
    private var receiver: DataChannels
    private var channel = DataChannel(stream: 0)

    init(checksum: Bool) {
        var settings = SCTPSettings()
        settings.offersZeroChecksum = !checksum
        settings.heartbeatInterval = nil
        sender = DataChannels(role: .client, settings: settings, random: Random(seed: 1), at: now)
        receiver = DataChannels(role: .server, settings: settings, random: Random(seed: 2), at: now)
        sender.connect(at: now)
        guard let opened = sender.open(label: "bench", at: now) else { fatal("no data channel") }
        channel = opened
        exchange()
    }

    /// Sends `count` messages and waits until all have arrived.
    mutating func carry(_ text: [UInt8], _ count: Int) {
        var sent = 0
        var arrived = 0
        while arrived < count {
            while sent < count, sender.send(text: text, on: channel, at: now) == .accepted { sent += 1 }
            exchange()
            while let event = receiver.pollEvent() {
                if case .text = event { arrived += 1 }
            }
            while sender.pollEvent() != nil {}
            // The last acknowledgement may be a delayed one.
            if arrived < count, let timeout = receiver.nextTimeout {
                now = max(now, timeout)
                receiver.handleTimeout(at: now)
            }
        }
    }

    /// Carries packets until neither has any.
    private mutating func exchange() {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            now = now + .microseconds(50)
            while let packet = sender.pollTransmit() {
                isQuiet = false
                receiver.handle(packet.rawSpan, at: now)
                while let answer = receiver.pollTransmit() { sender.handle(answer.rawSpan, at: now) }
            }
            while let packet = receiver.pollTransmit() {
                isQuiet = false
                sender.handle(packet.rawSpan, at: now)
            }
        }
    }
}
