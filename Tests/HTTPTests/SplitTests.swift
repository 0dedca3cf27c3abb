// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import HTTP
import Primitives
import TestSupport
import Testing

/// How the network cuts and joins a stream of requests changes nothing.
@Suite("HTTP, splits and joins")
struct SplitTests {
    private static let whole = Dialogue([ValidRequests.stream])

    @Test("pipelined requests of every form are all answered, in their order")
    func pipelined() {
        #expect(Self.whole.events == ValidRequests.events)
        #expect(Self.whole.statuses == [200, 200, 200, 200, 200, 200, 100, 200, 200, 200, 200, 200, 200, 200])
        #expect(!Self.whole.hasEnded)
    }

    @Test("the same comes out wherever the stream is cut in two")
    func everyCut() {
        let stream = ValidRequests.stream
        for cut in 0...stream.count {
            let dialogue = Dialogue([Array(stream[..<cut]), Array(stream[cut...])])
            #expect(dialogue == Self.whole, "cut at \(cut)")
        }
    }

    @Test("the same comes out byte by byte, and when the socket takes a byte at a time")
    func bytewise() {
        #expect(Dialogue(ValidRequests.stream.map { [$0] }) == Self.whole)
        #expect(Dialogue([ValidRequests.stream], perWrite: 1) == Self.whole)
        #expect(Dialogue(ValidRequests.stream.map { [$0] }, perWrite: 1) == Self.whole)
    }

    @Test("each request alone, cut at every pair of places")
    func everyPairOfCuts() {
        for (text, event) in ValidRequests.all {
            let bytes = Array(text.utf8)
            let whole = Dialogue([bytes])
            #expect(whole.events == [event])
            for first in 0...bytes.count {
                for second in first...bytes.count {
                    let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]].map { Array($0) }
                    guard Dialogue(pieces) != whole else { continue }
                    Issue.record("\(event) cut at \(first) and \(second)")
                }
            }
        }
    }

    @Test("any requests in any order, cut anywhere, with or without an end, are answered one by one")
    func property() {
        let failure = checkProperty(cases: 1_500) { random in
            let chosen = (0...random.int(in: 0...6)).map { _ in
                ValidRequests.all[random.int(in: 0...ValidRequests.all.count - 1)]
            }
            let stream = chosen.flatMap { Array($0.text.utf8) }
            let pieces = cut(stream, using: &random)
            let ends = random.int(in: 0...1) == 1
            let dialogue = Dialogue(pieces, ends: ends, perWrite: random.int(in: 1...400))
            if dialogue.events != chosen.map(\.event) { return "\(dialogue.events) for \(chosen.map(\.event))" }
            return dialogue.hasEnded == ends ? nil : "ended: \(dialogue.hasEnded)"
        }
        #expect(failure == nil)
    }

    @Test("damaged requests mean the same however they are cut: no two readers can disagree")
    func damaged() {
        let failure = checkProperty(cases: 3_000) { random in
            let chosen = ValidRequests.all[random.int(in: 0...ValidRequests.all.count - 1)].text
            let stream =
                mutate(Array(chosen.utf8), using: &random) + ValidRequests.stream.prefix(random.int(in: 0...400))
            let whole = Dialogue([stream], ends: true)
            let pieces = Dialogue(cut(stream, using: &random), ends: true)
            return whole == pieces ? nil : "\(whole.events) or \(pieces.events)"
        }
        #expect(failure == nil)
    }

    private func cut(_ bytes: [UInt8], using random: inout Random) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = min(rest.count, random.int(in: 1...(random.int(in: 0...1) == 0 ? 3 : 200)))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}
