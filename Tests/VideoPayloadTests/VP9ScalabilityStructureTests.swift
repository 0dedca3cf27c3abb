// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("VP9 scalability structure (RFC 9628 4.2.1)")
struct VP9ScalabilityStructureTests {
    static func read(_ hex: String) -> VP9ScalabilityStructure? { read([UInt8](hex: hex)) }

    static func read(_ bytes: [UInt8]) -> VP9ScalabilityStructure? {
        VP9ScalabilityStructure(bytes.rawSpan, from: 0, to: bytes.count)
    }

    @Test("three spatial and three temporal layers, as a browser tells them")
    func browser() throws {
        // N_S 2, Y, G; 320 × 180, 640 × 360, 1280 × 720; TL0, TL2, TL1, TL2 with their references.
        let structure = try #require(
            Self.read("58 0140 00b4 0280 0168 0500 02d0 04 04 04 54 01 34 02 58 01 02"))
        #expect(structure.spatialLayers == 3)
        #expect((0..<3).map { structure.height(ofLayer: $0) } == [180, 360, 720])
        #expect((0..<3).map { structure.widths[$0] } == [320, 640, 1_280])
        #expect(structure.groupPictures == 4)
        #expect(structure.temporalLayers == 3)
        #expect((0..<3).map { structure.pictures(upTo: $0) } == [1, 2, 4])
        #expect(structure.byteCount == 23)
    }

    @Test("a picture held upright: the smaller side is its height")
    func upright() {
        #expect(Self.read("10 00b4 0140")?.height(ofLayer: 0) == 180)
    }

    @Test("neither sizes nor a group: one temporal layer, heights unknown")
    func bare() throws {
        let structure = try #require(Self.read("20"))
        #expect(structure.spatialLayers == 2)
        #expect(!structure.hasResolutions && !structure.hasPictureGroup)
        #expect(structure.temporalLayers == 1)
        #expect(structure.height(ofLayer: 0) == 0)
    }

    @Test("layers that are not there have no height, and no pictures below the first")
    func outside() throws {
        let structure = try #require(Self.read("10 0140 00b4"))
        #expect([-1, 1, 8, 100].map { structure.height(ofLayer: $0) } == [0, 0, 0, 0])
        #expect(structure.pictures(upTo: -1) == 0)
        #expect(structure.pictures(upTo: 100) == 0)
    }

    @Test("the longest group: 255 pictures with three references each")
    func longest() throws {
        let bytes: [UInt8] = [0x08, 255] + Array(repeating: [0xEC, 1, 2, 3], count: 255).joined()
        let structure = try #require(Self.read(bytes))
        #expect(structure.byteCount == 1_022)
        #expect(structure.pictures(upTo: 7) == 255)
        #expect(structure.pictures(upTo: 6) == 0)
        #expect(structure.temporalLayers == 8)
        #expect(Self.read(Array(bytes.dropLast())) == nil)
    }

    @Test(
        "a structure that is cut off is refused",
        arguments: ["", "10", "10 0140 00", "08", "08 02 00", "08 01 0c 01"])
    func cutOff(hex: String) {
        #expect(Self.read(hex) == nil)
    }
}
