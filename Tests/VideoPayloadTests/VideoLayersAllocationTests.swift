// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("video layers allocation (media-plane.md 4.5)")
struct VideoLayersAllocationTests {
    static func read(_ bytes: [UInt8]) -> VideoLayersAllocation? {
        VideoLayersAllocation(bytes.rawSpan, from: 0, to: bytes.count)
    }

    static func rates(_ layer: VideoLayersAllocation.Layer?) -> [UInt32]? {
        layer.map { layer in (0..<Int(layer.temporalLayers)).map { layer.rates[$0] } }
    }

    @Test("one zero byte: nothing is sent")
    func nothing() throws {
        let allocation = try #require(Self.read([0]))
        #expect(allocation.streamCount == 0)
        #expect(allocation.layerCount == 0)
        #expect(BufferWriter.array(capacity: 8) { allocation.write(to: &$0) } == [0])
    }

    @Test("one stream with three temporal layers, 320 × 180 at 33 frames")
    func single() throws {
        let bytes = [UInt8](hex: "01 80 50 78 c801 013f 00b3 21")
        let allocation = try #require(Self.read(bytes))
        #expect(allocation.streamCount == 1)
        #expect(allocation.layerCount == 1)
        let layer = try #require(allocation.layer(0, ofStream: 0))
        #expect(Self.rates(layer) == [80, 120, 200])
        #expect([layer.width, layer.height] == [320, 180])
        #expect(layer.frameRate == 33)
        #expect(BufferWriter.array(capacity: 64) { allocation.write(to: &$0) } == bytes)
        let bare = try #require(Self.read(Array(bytes.dropLast(5))))
        #expect(!bare.hasResolutions)
        #expect(bare.layer(0, ofStream: 0)?.height == 0)
        #expect(Self.rates(bare.layer(0, ofStream: 0)) == [80, 120, 200])
    }

    @Test("three simulcast streams of three temporal layers, told on the third")
    func simulcast() throws {
        let bytes = [UInt8](hex: "a1 a8 9502 9f03 b405 8d09 d30d e016 d00f b817 8827")
        let allocation = try #require(Self.read(bytes))
        #expect(allocation.stream == 2)
        #expect(allocation.streamCount == 3)
        #expect(Self.rates(allocation.layer(0, ofStream: 0)) == [277, 415, 692])
        #expect(Self.rates(allocation.layer(0, ofStream: 1)) == [1_165, 1_747, 2_912])
        #expect(Self.rates(allocation.layer(0, ofStream: 2)) == [2_000, 3_000, 5_000])
        #expect(allocation.layer(1, ofStream: 0) == nil)
        #expect(BufferWriter.array(capacity: 64) { allocation.write(to: &$0) } == bytes)
    }

    @Test("one stream of three spatial layers without temporal ones")
    func spatial() throws {
        let bytes = [UInt8](hex: "07 00 9601 f403 aa0b")
        let allocation = try #require(Self.read(bytes))
        #expect((0..<3).map { Self.rates(allocation.layer($0, ofStream: 0)) } == [[150], [500], [1_450]])
        #expect(BufferWriter.array(capacity: 64) { allocation.write(to: &$0) } == bytes)
    }

    @Test("streams with different spatial layers, the middle one silent")
    func different() throws {
        // NS 2, own masks: 0011, 0000, 0100; one, two and four temporal layers.
        let bytes = [UInt8](hex: "20 30 40 1c 01 02 03 04 05 06 07")
        let allocation = try #require(Self.read(bytes))
        #expect(allocation.layerCount == 3)
        #expect(Self.rates(allocation.layer(0, ofStream: 0)) == [1])
        #expect(Self.rates(allocation.layer(1, ofStream: 0)) == [2, 3])
        #expect(Self.rates(allocation.layer(2, ofStream: 2)) == [4, 5, 6, 7])
        #expect(BufferWriter.array(capacity: 64) { allocation.write(to: &$0) } == bytes)
    }

    @Test(
        "what is cut off, has bytes to spare, or contradicts itself is refused",
        arguments: [
            "", "01", "01 80", "01 80 50 78", "01 80 50 78 c8",  // cut
            "01 00 50 00", "01 00 50 013f 00b3", "01 00 50 013f 00b3 21 00",  // no sizes of one layer
            "00 00", "20 00 00",  // nothing, in another form
            "41 00 50",  // on the second stream of one
            "01 00 ffffffffff", "01 00 818080808001", "01 00 c1843d",  // 1,000,001 is too much
        ])
    func refused(hex: String) {
        #expect(Self.read([UInt8](hex: hex)) == nil)
    }

    @Test("the highest rate, and a rate with needless zeros")
    func rateForms() {
        #expect(Self.rates(Self.read([UInt8](hex: "01 00 c0843d"))?.layer(0, ofStream: 0)) == [1_000_000])
        #expect(Self.rates(Self.read([UInt8](hex: "01 00 8180808000"))?.layer(0, ofStream: 0)) == [1])
    }

    @Test("a sender's layers that the form cannot express are not taken")
    func refusedLayers() {
        var layer = VideoLayersAllocation.Layer()
        #expect(VideoLayersAllocation(stream: 0, layers: [layer], hasResolutions: false) != nil)
        #expect(VideoLayersAllocation(stream: 0, layers: [layer], hasResolutions: true) == nil, "without a size")
        #expect(VideoLayersAllocation(stream: 0, layers: [layer, layer], hasResolutions: false) == nil, "twice")
        #expect(VideoLayersAllocation(stream: 1, layers: [layer], hasResolutions: false) == nil, "another stream")
        #expect(VideoLayersAllocation(stream: 0, layers: [], hasResolutions: true) == nil, "sizes of nothing")
        layer.temporalLayers = 5
        #expect(VideoLayersAllocation(stream: 0, layers: [layer], hasResolutions: false) == nil)
        layer.temporalLayers = 1
        layer.spatialID = 4
        #expect(VideoLayersAllocation(stream: 0, layers: [layer], hasResolutions: false) == nil)
        layer.spatialID = 0
        layer.rates[0] = 1_000_001
        #expect(VideoLayersAllocation(stream: 0, layers: [layer], hasResolutions: false) == nil)
    }

    static func random(_ random: inout Random) -> VideoLayersAllocation? {
        let hasResolutions = random.next() & 1 == 0
        var layers: [VideoLayersAllocation.Layer] = []
        for place in 0..<16 where random.next() & 1 == 0 {
            var layer = VideoLayersAllocation.Layer()
            layer.stream = UInt8(place / 4)
            layer.spatialID = UInt8(place % 4)
            layer.temporalLayers = UInt8(random.int(in: 1...4))
            for temporalID in 0..<Int(layer.temporalLayers) {
                layer.rates[temporalID] = UInt32(random.int(in: 0...1_000_000)) >> UInt32(random.int(in: 0...20))
            }
            if hasResolutions {
                layer.width = UInt32(random.int(in: 1...65_536))
                layer.height = UInt32(random.int(in: 1...65_536))
                layer.frameRate = UInt8(random.int(in: 0...255))
            }
            layers.append(layer)
        }
        return VideoLayersAllocation(
            stream: random.int(in: 0...Int(layers.last?.stream ?? 0)), layers: layers,
            hasResolutions: hasResolutions && !layers.isEmpty)
    }

    @Test("a written allocation reads back the same")
    func roundTrip() {
        let failure = checkProperty(cases: 3_000) { random in
            guard let allocation = Self.random(&random) else { return "not made" }
            let bytes = BufferWriter.array(capacity: 400) { allocation.write(to: &$0) }
            return Self.read(bytes) == allocation ? nil : "\(allocation)"
        }
        #expect(failure == nil)
    }

    @Test("no bytes trap, and what is read keeps the limits")
    func hostile() {
        let failure = checkProperty(cases: 5_000) { random in
            guard let allocation = Self.random(&random) else { return "not made" }
            let good = BufferWriter.array(capacity: 400) { allocation.write(to: &$0) }
            let bytes = random.next() & 3 == 0 ? random.bytes(random.int(in: 0...60)) : mutate(good, using: &random)
            let (from, to) = (random.int(in: -1...3), random.int(in: -1...400))
            guard let read = VideoLayersAllocation(bytes.rawSpan, from: from, to: min(to, bytes.count)) else {
                return nil
            }
            guard read.layerCount <= 16, read.streamCount <= 4 else { return "counts" }
            for index in 0..<read.layerCount where Int(read.layers[index].stream) >= read.streamCount {
                return "stream"
            }
            let again = BufferWriter.array(capacity: 400) { read.write(to: &$0) }
            return Self.read(again) == read ? nil : "written otherwise"
        }
        #expect(failure == nil)
    }
}
