// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import Primitives
import TestSupport
import Testing

/// A browser's ClientHello with a post-quantum key share is longer than a datagram: it comes as two fragments, each in
/// a record and a datagram of its own (RFC 6347 4.2.3).
@Suite("DTLS with a ClientHello in two datagrams")
struct SplitHelloTests {
    /// Cuts each ClientHello in two at a random place and numbers the records of epoch 0 anew to make room.
    static func splitting(_ random: Random) -> ([UInt8]) -> [[UInt8]] {
        var random = random
        return { datagram in
            var parts: [[UInt8]] = []
            var rest: [UInt8] = []
            var start = 0
            // Ends: each turn goes one record further.
            while datagram.count - start >= 13 {
                let end = min(start + 13 + (Int(datagram[start + 11]) << 8 | Int(datagram[start + 12])), datagram.count)
                var record = Array(datagram[start..<end])
                start = end
                guard record[3] == 0, record[4] == 0 else {
                    rest += record
                    continue
                }
                let number = record[5..<11].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } * 2
                Self.write(number, to: &record)
                guard record[0] == 22, record[13] == 1 else {
                    rest += record
                    continue
                }
                let body = Array(record[25...])
                let cut = random.int(in: 1...body.count - 1)
                for (index, range) in [0..<cut, cut..<body.count].enumerated() {
                    var fragment = Array(record[..<25])
                    Self.write(number + UInt64(index), to: &fragment)
                    let size = range.count + 12
                    fragment[11...12] = [UInt8(size >> 8), UInt8(size & 255)]
                    for (offset, value) in [(19, range.lowerBound), (22, range.count)] {
                        fragment[offset...offset + 2] = [
                            UInt8(value >> 16), UInt8(value >> 8 & 255), UInt8(value & 255),
                        ]
                    }
                    parts.append(fragment + body[range])
                }
            }
            return parts + (rest.isEmpty ? [] : [rest])
        }
    }

    private static func write(_ number: UInt64, to record: inout [UInt8]) {
        for index in 0..<6 { record[5 + index] = UInt8(truncatingIfNeeded: number >> UInt64(40 - 8 * index)) }
    }

    /// How long a handshake takes with a client as browsers are: its first repetition comes after 50 ms.
    /// - Returns: `nil` when it takes more than five seconds or fails.
    static func handshake(seed: UInt64, lossPercent: Int, reorderPercent: Int) -> TimeDelta? {
        var random = Random(seed: seed)
        let delay = random.int(in: 1...20)
        let network = Network(
            lossPercent: lossPercent, reorderPercent: reorderPercent, delay: .milliseconds(Int64(delay)),
            lateness: 1...max(1, 25 - delay))
        var pair = DTLSPair(network: network, seed: random.next(), clientRepeat: .milliseconds(50))
        pair.rewrite = splitting(Random(seed: random.next()))
        pair.start()
        pair.run(for: .milliseconds(5_000))
        return pair.connectedAt.map { $0 - .zero }
    }

    @Test("it connects without loss in two round trips, whichever part comes first")
    func inOrder() {
        for seed in 1...20 {
            let time = Self.handshake(seed: UInt64(seed), lossPercent: 0, reorderPercent: 50)
            #expect(time.map { $0 <= .milliseconds(100) } == true, "seed \(seed): \(String(describing: time))")
        }
    }

    @Test("5 % loss with reordering: 1,000 of 1,000 handshakes are done within a second")
    func lossAndDisorder() {
        var slowest = TimeDelta.zero
        var failures: [UInt64] = []
        for seed in 1...1_000 as ClosedRange<UInt64> {
            guard let time = Self.handshake(seed: seed, lossPercent: 5, reorderPercent: 20) else {
                failures.append(seed)
                continue
            }
            slowest = max(slowest, time)
            if time > .milliseconds(1_000) { failures.append(seed) }
        }
        #expect(failures.isEmpty, "seeds \(failures), slowest \(slowest)")
    }
}
