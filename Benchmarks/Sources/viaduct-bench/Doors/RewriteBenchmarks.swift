// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// Doors 4 and 7: reading a packet once, and writing its header for one receiver.
enum RewriteBenchmarks {
    static func all() -> [Benchmark] {
        let packet = videoPacket()
        var table = ExtensionTable()
        table.map(.absoluteSendTime, to: 3)
        table.map(.transportWideCC, to: 5)
        table.map(.mid, to: 10)
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: EgressBatch.slotBytes, alignment: 64)
        let parse = Benchmark("parse a VP8 packet (header, extensions, payload)", operations: 200_000) { count in
            var sum: UInt64 = 0
            for _ in 0..<count {
                guard var info = PacketInfo(packet: UnsafeRawBufferPointer(packet), table: table) else {
                    fatal("parse")
                }
                guard info.parseVP8(UnsafeRawBufferPointer(packet)) else { fatal("parse VP8") }
                sum &+= UInt64(info.headerBytes)
            }
            blackHole(sum)
            return 0
        }
        let rewrite = Benchmark("rewrite its header for a receiver", operations: 200_000) { count in
            guard let info = PacketInfo(packet: UnsafeRawBufferPointer(packet), table: table) else { fatal("parse") }
            var sum: UInt64 = 0
            for index in 0..<count {
                let length = HeaderRewriter.write(
                    info, from: UnsafeRawBufferPointer(packet), into: slot, receiver: table, ssrc: info.ssrc,
                    sequence: UInt16(truncatingIfNeeded: index), timestamp: info.timestamp, payloadType: 100)
                sum &+= UInt64(length)
            }
            blackHole(sum)
            return 0
        }
        return [parse, rewrite, audio()]
    }

    /// Audio keeps its level, so that a block has to be written too.
    private static func audio() -> Benchmark {
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 138, alignment: 64)
        let head: [UInt8] = [
            0x90, 0x6F, 0x12, 0x34, 1, 2, 3, 4, 0, 0, 0x10, 0, 0xBE, 0xDE, 0, 2, 0x10, 0x9E, 0x51, 0, 9, 0xA0, 0x30, 0,
        ]
        for index in 0..<packet.count {
            packet[index] = index < head.count ? head[index] : UInt8(truncatingIfNeeded: index)
        }
        var table = ExtensionTable()
        table.map(.audioLevel, to: 1)
        table.map(.transportWideCC, to: 5)
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: EgressBatch.slotBytes, alignment: 64)
        return Benchmark("parse and rewrite an audio packet with level", operations: 200_000) { count in
            var sum: UInt64 = 0
            for index in 0..<count {
                guard let info = PacketInfo(packet: UnsafeRawBufferPointer(packet), table: table) else {
                    fatal("parse")
                }
                let length = HeaderRewriter.write(
                    info, from: UnsafeRawBufferPointer(packet), into: slot, receiver: table, ssrc: info.ssrc,
                    sequence: UInt16(truncatingIfNeeded: index), timestamp: info.timestamp, payloadType: 111)
                sum &+= UInt64(length)
            }
            blackHole(sum)
            return 0
        }
    }

    /// What a browser sends: a block with send time, transport-wide number and MID, then VP8 with all its fields.
    private static func videoPacket() -> UnsafeMutableRawBufferPointer {
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_150, alignment: 64)
        let head: [UInt8] = [
            0x90, 0xE4, 0x12, 0x34, 1, 2, 3, 4, 0, 0, 0x10, 1, 0xBE, 0xDE, 0, 3, 0x32, 1, 2, 3, 0x51, 0, 9, 0xA0, 0x31,
            0, 0, 0,
            0x90, 0xF0, 0x81, 0x02, 7, 1, 0x31, 0x10, 0,
        ]
        for index in 0..<packet.count {
            packet[index] = index < head.count ? head[index] : UInt8(truncatingIfNeeded: index)
        }
        return packet
    }
}
