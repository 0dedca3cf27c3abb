// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import Zlib

@Suite("Compression of messages")
struct CompressionTests {
    @Test("what was compressed is expanded again, whatever it is and with every window")
    func thereAndBack() throws {
        var inflater = try Inflater()
        for windowBits in 9...15 {
            var deflater = try Deflater(windowBits: windowBits, level: 1 + windowBits % 9)
            var random = Random(seed: UInt64(windowBits))
            for size in [0, 1, 2, 100, 1_000, 4_095, 4_096, 4_097, 20_000, 65_536, 200_000] {
                for message in [
                    [UInt8](repeating: 65, count: size), random.bytes(size),
                    Array(String(repeating: "{\"a\":\(size)},", count: size / 10).utf8),
                ] {
                    let small = try compress(&deflater, message)
                    let large = inflater.expand(small, limit: message.count)
                    #expect(large == .message(message))
                    guard !message.isEmpty else { continue }
                    let tooLong = inflater.expand(small, limit: message.count - 1)
                    #expect(tooLong == .tooLong)
                }
            }
        }
    }

    @Test("nothing of a message is kept for the next: equal messages are equal when compressed")
    func independent() throws {
        var deflater = try Deflater(windowBits: 12, level: 3)
        let message = Array("a message of some length, a message of some length".utf8)
        let first = try compress(&deflater, message)
        _ = deflater.compress([1, 2, 3])
        let again = try compress(&deflater, message)
        #expect(again == first)
    }

    @Test("a bomb is stopped at the limit, and streams that end without end are refused")
    func bombs() throws {
        var deflater = try Deflater(windowBits: 15, level: 9)
        var inflater = try Inflater()
        let bomb = try compress(&deflater, [UInt8](repeating: 0, count: 64 << 20))
        let exploded = inflater.expand(bomb, limit: 65_536)
        #expect(exploded == .tooLong)
        // `03 00`: an empty last block.
        let endings = [UInt8](repeating: 0, count: 60_000).enumerated().map { $0.offset % 2 == 0 ? UInt8(3) : 0 }
        let endless = inflater.expand(endings, limit: 65_536)
        #expect(endless == .corrupt)
        let ended = inflater.expand([3, 0, 0], limit: 10)
        #expect(ended == .message([]))
    }

    @Test("rubbish and cut messages are told from whole ones, and do no harm to what follows")
    func rubbish() throws {
        var deflater = try Deflater(windowBits: 15, level: 6)
        var inflater = try Inflater()
        let message = Array(String(repeating: "abcdefgh", count: 50).utf8)
        let small = try compress(&deflater, message)
        for count in 1..<small.count {
            let outcome = inflater.expand(Array(small.prefix(count)), limit: 65_536)
            #expect(outcome != .message(message), "\(count)")
        }
        var random = Random(seed: 1)
        for _ in 0..<2_000 {
            _ = inflater.expand(mutate(small, using: &random), limit: 1_000)
            _ = inflater.expand(random.bytes(random.int(in: 0...40)), limit: 1_000)
        }
        let after = inflater.expand(small, limit: 65_536)
        #expect(after == .message(message))
    }
}

/// Compresses, or fails the test.
func compress(_ deflater: inout Deflater, _ message: [UInt8]) throws -> [UInt8] {
    let small = deflater.compress(message)
    return try #require(small)
}
