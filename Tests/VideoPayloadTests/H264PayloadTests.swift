// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("H.264 payload (RFC 6184 5)")
struct H264PayloadTests {
    static func read(_ hex: String) -> H264Payload? {
        let bytes = [UInt8](hex: hex)
        return H264Payload(bytes.rawSpan, from: 0, to: bytes.count)
    }

    @Test(
        "single NAL units",
        arguments: [
            ("65 88", true), ("67 42e01f", true),  // IDR, SPS
            ("68 ce3c80", false), ("41 9a", false), ("06 05", false), ("09 10", false),  // PPS, slice, SEI, delimiter
        ])
    func single(hex: String, isKeyframe: Bool) throws {
        let payload = try #require(Self.read(hex))
        #expect(payload.isKeyframe == isKeyframe)
        #expect(payload.startsUnit && payload.endsUnit)
    }

    @Test("STAP-A with the parameter sets and the IDR picture, as browsers send it")
    func aggregated() throws {
        let payload = try #require(Self.read("78 0004 6742e01f 0004 68ce3c80 0002 6588"))
        #expect(payload.startsSPS && payload.startsPPS && payload.startsIDR)
        #expect(payload.isKeyframe)
    }

    @Test("STAP-A of parameter sets alone begins a key frame, one of slices does not")
    func aggregatedParts() throws {
        let parameters = try #require(Self.read("78 0004 6742e01f 0004 68ce3c80"))
        #expect(parameters.isKeyframe && !parameters.startsIDR)
        #expect(Self.read("18 0002 419a 0002 0605")?.isKeyframe == false)
    }

    @Test("STAP-A that lies about its lengths is refused")
    func aggregatedLies() {
        for hex in [
            "78", "78 00", "78 0001", "78 0000", "78 0005 6742e01f", "78 0004 6742e01f 00", "78 0004 6742e01f 0000",
            "78 0004 6742e01f 0001", "78 ffff 67",
        ] {
            #expect(Self.read(hex) == nil, "\(hex)")
        }
    }

    @Test("STAP-A of more NAL units than the limit is refused")
    func aggregatedTooMany() {
        let unit = " 0001 65"
        let most = VideoPayloadLimits.aggregatedUnits
        #expect(Self.read("78" + String(repeating: unit, count: most))?.isKeyframe == true)
        #expect(Self.read("78" + String(repeating: unit, count: most + 1)) == nil)
    }

    @Test("of an IDR picture in fragments only the first begins a key frame")
    func fragments() throws {
        let start = try #require(Self.read("7c 85 88"))
        #expect(start.isKeyframe && start.startsUnit && !start.endsUnit)
        let middle = try #require(Self.read("7c 05 88"))
        #expect(!middle.isKeyframe && !middle.startsUnit && !middle.endsUnit)
        let last = try #require(Self.read("7c 45 88"))
        #expect(!last.isKeyframe && !last.startsUnit && last.endsUnit)
        #expect(Self.read("7c 81 9a")?.isKeyframe == false)
        #expect(Self.read("7c") == nil)
    }

    @Test("a NAL unit with its error bit set is refused, kinds that WebRTC does not use say nothing")
    func others() throws {
        #expect(Self.read("e5 88") == nil)
        #expect(Self.read("") == nil)
        for hex in ["60", "79 0000 0001 65", "7d 85 0000", "7f 65"] {
            let payload = try #require(Self.read(hex))
            #expect(!payload.isKeyframe && !payload.startsUnit)
        }
    }

    @Test("no bytes trap")
    func hostile() {
        let seeds = ["78 0004 6742e01f 0004 68ce3c80 0002 6588", "7c 85 88", "65 88"]
        var keyframes = 0
        let failure = checkProperty(cases: 5_000) { random in
            let good = [UInt8](hex: seeds[random.int(in: 0...2)])
            let bytes = random.next() & 3 == 0 ? random.bytes(random.int(in: 0...40)) : mutate(good, using: &random)
            let (from, to) = (random.int(in: -1...4), random.int(in: -2...40))
            guard let payload = H264Payload(bytes.rawSpan, from: from, to: to) else { return nil }
            if payload.isKeyframe { keyframes += 1 }
            return payload.isKeyframe && !payload.startsUnit ? "a key frame that does not start" : nil
        }
        #expect(failure == nil)
        #expect(keyframes > 50)
    }
}
