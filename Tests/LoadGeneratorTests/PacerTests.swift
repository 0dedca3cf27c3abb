// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import LoadGenerator

@Suite("Pacer")
struct PacerTests {
    /// Sends `packets` packets of `bytes` bytes as soon as they are admitted, and says when each left.
    private func send(_ packets: Int, bytes: Int, bitrate: Int) -> [TimeDelta] {
        var pacer = Pacer(bitrate: bitrate)
        let begin = Timestamp(nanoseconds: 5_000_000_000)
        var now = begin
        return (0..<packets).map { _ in
            if !pacer.admits(at: now) { now = pacer.drained }
            pacer.note(byteCount: bytes, at: now)
            return now - begin
        }
    }

    @Test("an ordinary frame leaves at once, a key frame in bursts of 40 ms of the pacing rate")
    func bursts() {
        #expect(send(6, bytes: 1_200, bitrate: 1_500_000).allSatisfy { $0 == .milliseconds(0) })
        // 3.75 Mbit/s are 18,750 bytes in 40 ms: 16 packets, the last of which goes over it.
        let times = send(32, bytes: 1_200, bitrate: 1_500_000)
        #expect(times.count { $0 == .milliseconds(0) } == 16)
        let second = times[16]
        #expect(second.nanoseconds / 1_000 == 40_960)
        #expect(times[16...].allSatisfy { $0 == second })
    }

    @Test("no burst is longer than 63,000 bytes, and over time the rate is 2.5 times the target")
    func limits() {
        let times = send(2_000, bytes: 1_000, bitrate: 20_000_000)
        #expect(times.count { $0 == .milliseconds(0) } == 63)
        // 2,000 packets are 16 Mbit: 0.32 s at 50 Mbit/s, less the last burst.
        let last = times.last?.seconds ?? 0
        #expect(last > 0.30 && last < 0.32)
    }
}
