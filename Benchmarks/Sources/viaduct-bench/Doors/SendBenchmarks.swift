// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import PacketIO
import Primitives

/// Door 9 on loopback: sending 1,200-byte packets to one receiver, with and without segmentation offload. The time
/// includes the kernel's receive half, which loopback does in the sender's name; emptying the receiver is not counted.
enum SendBenchmarks {
    static func all() throws -> [Benchmark] {
        [
            try benchmark("send 1,200 B, no offload", gso: false, gro: false, run: 32),
            try benchmark("send 1,200 B, GSO, runs of 6", gso: true, gro: true, run: 6),
            try benchmark("send 1,200 B, GSO, runs of 32", gso: true, gro: true, run: 32),
            try benchmark("send 1,200 B, GSO into a socket without GRO", gso: true, gro: false, run: 32),
        ]
    }

    private static func benchmark(_ name: String, gso: Bool, gro: Bool, run: Int) throws -> Benchmark {
        let ends = try Ends(gso: gso, gro: gro)
        return Benchmark(name, operations: 9_600) { count in
            var uncounted: Int64 = 0
            for _ in 0..<count / 96 {
                for _ in 0..<96 / run {
                    for _ in 0..<run {
                        guard ends.batch.reserve() != nil else { fatal(name) }
                        ends.batch.commit(1_200, to: ends.target)
                    }
                    // A message of its own for each run: as if each went to another receiver.
                    ends.sender.flush(&ends.batch)
                }
                let begin = threadNanoseconds()
                var isMore = true
                while isMore {
                    ends.slab.removeAll()
                    isMore = ends.receiver.receive(local: 0, into: &ends.slab) || ends.slab.count > 0
                }
                uncounted += threadNanoseconds() - begin
            }
            return uncounted
        }
    }
}

private final class Ends {
    var sender: UDPPort
    var receiver: UDPPort
    var batch = EgressBatch()
    var slab = ReceiveSlab()
    let target: Destination

    init(gso: Bool, gro: Bool) throws {
        var options = UDPPortOptions()
        options.usesGSO = gso
        options.usesGRO = gro
        let loopback = TransportAddress(ipv4: 0x7F00_0001, port: 0)
        let sender = try UDPPort(addresses: [loopback], options: options)
        let receiver = try UDPPort(addresses: [loopback], options: options)
        batch.joinsSegments = gso
        target = Destination(remote: receiver.boundAddresses[0], local: 0)
        self.sender = sender
        self.receiver = receiver
    }
}
