// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What happens to packets on their way, in one direction.
struct BadNetwork {
    var loss = 0.0
    var duplication = 0.0
    /// Of packets that take longer than others.
    var reordering = 0.0
    var delay = TimeDelta.milliseconds(10)
    var jitter = TimeDelta.milliseconds(30)
    /// Largest packet that gets through.
    var mtu = 100_000

    private var waiting: [(time: Timestamp, order: Int, packet: [UInt8])] = []
    private var order = 0

    init(loss: Double = 0, duplication: Double = 0, reordering: Double = 0) {
        self.loss = loss
        self.duplication = duplication
        self.reordering = reordering
    }

    var next: Timestamp? { waiting.map(\.time).min() }

    mutating func send(_ packet: [UInt8], at now: Timestamp, _ random: inout Random) {
        if packet.count > mtu || random.fraction() < loss { return }
        let copies = random.fraction() < duplication ? 2 : 1
        for _ in 0..<copies {
            var time = now + delay
            if random.fraction() < reordering {
                time = time + .nanoseconds(Int64(random.fraction() * Double(jitter.nanoseconds)))
            }
            order += 1
            waiting.append((time, order, packet))
        }
    }

    mutating func receive(at now: Timestamp) -> [UInt8]? {
        guard
            let index = waiting.indices.filter({ waiting[$0].time <= now })
                .min(by: { (waiting[$0].time, waiting[$0].order) < (waiting[$1].time, waiting[$1].order) })
        else { return nil }
        return waiting.remove(at: index).packet
    }

    mutating func removeAll() { waiting = [] }
}
