// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("Streams that go on with another source")
struct StreamContinuationTests {
    private static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    @Test("nothing was sent, nothing goes on; what goes on begins with a key frame behind the last number and time")
    func plain() throws {
        var first = Projection(generation: 1, outgoingSSRC: 8, after: nil, random: 9)
        #expect(first.continuation(isAudio: false) == nil)
        let sent = first.takePlain(
            encoding: 0, sequence: 60_000, timestamp: 70_000, canStart: true, isAudio: false, at: Self.ms(1_000))
        let before = try #require(sent)
        first.noteSent(payloadBytes: 100)
        let state = try #require(first.continuation(isAudio: false))
        var second = Projection(generation: 3, outgoingSSRC: 8, continuing: state)
        #expect(second.packetsSent == 1 && second.octetsSent == 100 && second.needsKeyframe)
        #expect(
            second.takePlain(
                encoding: 0, sequence: 9, timestamp: 5, canStart: false, isAudio: false, at: Self.ms(1_100)) == nil)
        let following = second.takePlain(
            encoding: 0, sequence: 10, timestamp: 3_005, canStart: true, isAudio: false, at: Self.ms(1_200))
        let next = try #require(following)
        #expect(next.sequence == before.sequence &+ 1)
        // 200 ms, in frames.
        #expect(next.timestamp &- before.timestamp == 6 * 3_000)
        // Sender reports follow it.
        var reports = ProjectionReport()
        let report = SenderReport(
            ssrc: 7, ntp: NTPTime(0xB44D_B705_2000_0000), rtpTimestamp: 3_005, packetCount: 9, octetCount: 9)
        second.noteSent(payloadBytes: 50)
        let copy = reports.forward(report, of: second, now: Self.ms(1_300))
        let forwarded = try #require(copy)
        #expect(forwarded.ssrc == 8 && forwarded.rtpTimestamp == next.timestamp)
        #expect(forwarded.packetCount == 2 && forwarded.octetCount == 150)
    }

    @Test("a voice that goes on keeps a distance to its own time, which is the first one's where none went before")
    func voice() throws {
        func take(_ projection: inout Projection, _ sequence: UInt16, _ time: UInt32, at now: Int64) -> UInt32? {
            projection.takePlain(
                encoding: 0, sequence: sequence, timestamp: time, canStart: true, isAudio: true, at: Self.ms(now)
            )?.timestamp
        }
        var first = Projection(generation: 1, outgoingSSRC: 8, after: nil, random: 9)
        #expect(take(&first, 5, 1_000, at: 0) == 1_000)
        #expect(take(&first, 6, 1_960, at: 20) == 1_960)
        // A pause does not move it.
        first.interrupt()
        #expect(take(&first, 900, 900_000, at: 5_000) == 900_000)
        var second = Projection(
            generation: 3, outgoingSSRC: 8, continuing: try #require(first.continuation(isAudio: true)))
        // Before it said anything the place is taken over again.
        second = Projection(
            generation: 5, outgoingSSRC: 8, continuing: try #require(second.continuation(isAudio: true)))
        let first70 = take(&second, 70, 77, at: 7_000)
        let begin = try #require(first70)
        // Two seconds later, as far as steps of 16 ms tell.
        #expect(begin > 900_000 + 1_980 * 48 && begin < 900_000 + 2_020 * 48)
        #expect(take(&second, 71, 77 + 960, at: 7_020) == begin + 960)
        second.interrupt()
        #expect(take(&second, 90, 77 + 9_600, at: 8_000) == begin + 9_600)
        var third = Projection(
            generation: 7, outgoingSSRC: 8, continuing: try #require(second.continuation(isAudio: true)))
        // Two that come at once do not share a moment.
        #expect(take(&third, 1, 0, at: 8_000) == begin + 9_600 + 960)
    }

    @Test("who knows of later numbers goes on behind those, and never back")
    func laterNumbers() throws {
        var projection = Projection(generation: 1, outgoingSSRC: 8, after: 65_000, random: 9)
        _ = projection.takePlain(
            encoding: 0, sequence: 1, timestamp: 1, canStart: true, isAudio: false, at: .zero)
        let state = try #require(projection.continuation(isAudio: false))
        for (last, expected) in [
            (nil, state.lastSequence), (state.lastSequence &- 9, state.lastSequence),
            (state.lastSequence &+ 600, state.lastSequence &+ 600),
        ] as [(UInt16?, UInt16)] {
            var copy = state
            copy.advance(to: last)
            #expect(copy.lastSequence == expected)
            #expect(copy.isComplete == (expected == state.lastSequence))
        }
    }

    @Test("any number of sources, lossy and reordered, one after another: no number twice, time never back")
    func anyTakeOver() {
        let failure = checkProperty(cases: 300) { random in
            var now = Int64(random.int(in: 0...100_000))
            let isAudio = random.int(in: 0...1) == 0
            var projection = Projection(generation: 1, outgoingSSRC: 8, after: nil, random: random.next())
            var used: Set<UInt16> = []
            var lastTime: UInt32?
            var highest: UInt16?
            for source in 0..<12 {
                if source > 0 {
                    if let state = projection.continuation(isAudio: isAudio) {
                        projection = Projection(generation: 3, outgoingSSRC: 8, continuing: state)
                    } else {
                        projection = Projection(generation: 3, outgoingSSRC: 8, after: nil, random: random.next())
                    }
                }
                var sequence = UInt16(truncatingIfNeeded: random.next())
                let base = UInt32(truncatingIfNeeded: random.next())
                var newest: UInt16?
                let packets = random.int(in: 0...40)
                for step in 0..<packets {
                    sequence &+= random.int(in: 0...9) == 0 ? 3 : 1
                    let place = random.int(in: 0...9) == 0 ? sequence &- 2 : sequence
                    now += Int64(random.int(in: 1...40))
                    let ticks: Int64 = isAudio ? 48 : 90
                    guard
                        let out = projection.takePlain(
                            encoding: 0, sequence: place,
                            timestamp: base &+ UInt32(truncatingIfNeeded: now * ticks), canStart: isAudio || step > 2,
                            isAudio: isAudio, at: Self.ms(now))
                    else { continue }
                    guard used.insert(out.sequence).inserted || place != sequence else {
                        return "number \(out.sequence) twice"
                    }
                    if let highest, newest == nil, Int16(bitPattern: out.sequence &- highest) <= 0 {
                        return "begins at \(out.sequence), behind \(highest)"
                    }
                    if newest.map({ Int16(bitPattern: place &- $0) > 0 }) ?? true {
                        if let lastTime, Int32(bitPattern: out.timestamp &- lastTime) <= 0 {
                            return "time \(out.timestamp) behind \(lastTime), source \(source)"
                        }
                        (newest, lastTime) = (place, out.timestamp)
                    }
                    if highest.map({ Int16(bitPattern: out.sequence &- $0) > 0 }) ?? true { highest = out.sequence }
                }
                now += Int64(random.int(in: 0...3_000))
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("it is plain data: as bytes and back it says the same")
    func bytes() throws {
        var projection = Projection(generation: 1, outgoingSSRC: 8, after: 65_000, random: 9)
        _ = projection.takePlain(encoding: 0, sequence: 1, timestamp: 1, canStart: true, isAudio: false, at: .zero)
        let state = try #require(projection.continuation(isAudio: false))
        let bytes = withUnsafeBytes(of: state) { Array($0) }
        let copy = bytes.withUnsafeBytes { $0.loadUnaligned(as: StreamContinuation.self) }
        #expect(copy == state)
    }
}
