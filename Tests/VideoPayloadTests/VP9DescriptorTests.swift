// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("VP9 payload descriptor (RFC 9628 4.2)")
struct VP9DescriptorTests {
    static func read(_ bytes: [UInt8]) -> VP9Descriptor? { VP9Descriptor(bytes.rawSpan, from: 0, to: bytes.count) }

    static func random(_ random: inout Random) -> VP9Descriptor {
        var descriptor = VP9Descriptor()
        descriptor.isInterPicturePredicted = random.next() & 1 == 0
        descriptor.isFlexible = random.next() & 1 == 0
        descriptor.isStartOfFrame = random.next() & 1 == 0
        descriptor.isEndOfFrame = random.next() & 1 == 0
        descriptor.isNotReferenceForUpperLayers = random.next() & 1 == 0
        if random.next() & 1 == 0 {
            descriptor.hasLongPictureID = random.next() & 1 == 0
            descriptor.pictureID = Int16(random.int(in: 0...(descriptor.hasLongPictureID ? 32_767 : 127)))
        }
        if random.next() & 1 == 0 {
            descriptor.temporalID = Int8(random.int(in: 0...7))
            descriptor.spatialID = Int8(random.int(in: 0...7))
            descriptor.isSwitchingUpPoint = random.next() & 1 == 0
            descriptor.usesInterLayerDependency = random.next() & 1 == 0
            if !descriptor.isFlexible { descriptor.tl0PictureIndex = Int16(random.int(in: 0...255)) }
        }
        if descriptor.isFlexible, descriptor.isInterPicturePredicted {
            descriptor.differenceCount = UInt8(random.int(in: 1...3))
            for index in 0..<Int(descriptor.differenceCount) {
                descriptor.differences[index] = UInt8(random.int(in: 0...127))
            }
        }
        return descriptor
    }

    @Test("the shortest descriptor: one byte, a whole key picture")
    func shortest() throws {
        let descriptor = try #require(Self.read([0x0C, 0x83]))
        #expect(descriptor.isStartOfFrame && descriptor.isEndOfFrame)
        #expect(descriptor.isKeyframe)
        #expect([descriptor.pictureID, descriptor.tl0PictureIndex] == [-1, -1])
        #expect([descriptor.temporalID, descriptor.spatialID] == [-1, -1])
        #expect(descriptor.byteCount == 1)
    }

    @Test("non-flexible: picture id of 15 bits, layers and TL0PICIDX")
    func nonFlexible() throws {
        // I, P, L, B; 0x1267; TID 2, U, SID 1, D; 200.
        let descriptor = try #require(Self.read([UInt8](hex: "e8 92 67 53 c8 86")))
        #expect(descriptor.isInterPicturePredicted && !descriptor.isFlexible && !descriptor.isKeyframe)
        #expect(descriptor.isStartOfFrame && !descriptor.isEndOfFrame)
        #expect(descriptor.pictureID == 4_711)
        #expect(descriptor.hasLongPictureID)
        #expect(descriptor.temporalID == 2)
        #expect(descriptor.spatialID == 1)
        #expect(descriptor.isSwitchingUpPoint)
        #expect(descriptor.usesInterLayerDependency)
        #expect(descriptor.tl0PictureIndex == 200)
        #expect(descriptor.byteCount == 5)
    }

    @Test("flexible: picture id of seven bits, three references, no TL0PICIDX")
    func flexible() throws {
        // I, P, L, F, E, Z; 17; TID 1, SID 2; P_DIFF 1, 2, 4.
        let descriptor = try #require(Self.read([UInt8](hex: "f5 11 24 03 05 08 86")))
        #expect(descriptor.isFlexible && descriptor.isInterPicturePredicted && descriptor.isEndOfFrame)
        #expect(descriptor.isNotReferenceForUpperLayers)
        #expect(descriptor.pictureID == 17)
        #expect(!descriptor.hasLongPictureID)
        #expect(descriptor.temporalID == 1)
        #expect(descriptor.spatialID == 2)
        #expect(!descriptor.isSwitchingUpPoint && !descriptor.usesInterLayerDependency)
        #expect(descriptor.tl0PictureIndex == -1)
        #expect((0..<Int(descriptor.differenceCount)).map { descriptor.differences[$0] } == [1, 2, 4])
        #expect(descriptor.byteCount == 6)
    }

    @Test("a fourth reference is refused")
    func fourReferences() {
        #expect(Self.read([UInt8](hex: "f5 11 24 03 05 09 08 86")) == nil)
    }

    @Test("without P, flexible mode names no picture")
    func flexibleKey() throws {
        let descriptor = try #require(Self.read([UInt8](hex: "b8 11 00 86")))
        #expect(descriptor.differenceCount == 0)
        #expect(descriptor.byteCount == 3)
        #expect(descriptor.isKeyframe)
    }

    @Test(
        "a key frame refers to no picture, and to no lower layer of its own",
        arguments: [
            ("0c", true), ("4c", false),  // no layers
            ("2c 00 05", true), ("6c 00 05", false),  // the lowest layer
            ("2c 01 05", true),  // D says nothing in the lowest layer
            ("2c 02 05", true), ("2c 03 05", false), ("6c 02 05", false),  // SID 1 without and with D
        ])
    func keyframe(hex: String, expected: Bool) {
        #expect(Self.read([UInt8](hex: hex))?.isKeyframe == expected)
    }

    @Test("the scalability structure counts as part of the descriptor")
    func scalability() throws {
        // V with a picture id of seven bits; two layers with sizes; group of one picture with one reference.
        let bytes = [UInt8](hex: "8a 05 38 0140 00b4 0280 0168 01 14 01 aabb")
        let descriptor = try #require(Self.read(bytes))
        #expect(descriptor.hasScalabilityStructure)
        #expect(descriptor.structureOffset == 2)
        #expect(descriptor.byteCount == 14)
        let structure = VP9ScalabilityStructure(bytes.rawSpan, from: 2, to: bytes.count)
        #expect(structure?.height(ofLayer: 1) == 360)
    }

    @Test("a descriptor that is cut off is refused")
    func cutOff() {
        for hex in ["e8 92 67 53 c8", "f5 11 24 03 05 08", "8a 05 38 0140 00b4 0280 0168 01 14 01"] {
            let whole = [UInt8](hex: hex)
            #expect(Self.read(whole) != nil)
            for count in 0..<whole.count {
                #expect(Self.read(Array(whole[..<count])) == nil, "\(hex) cut to \(count)")
                #expect(VP9Descriptor(whole.rawSpan, from: 0, to: count) == nil)
            }
        }
    }

    @Test("a written descriptor reads back the same")
    func roundTrip() {
        let failure = checkProperty(cases: 3_000) { random in
            var descriptor = Self.random(&random)
            let bytes = BufferWriter.array(capacity: 16) { descriptor.write(to: &$0) }
            descriptor.byteCount = bytes.count
            return Self.read(bytes) == descriptor ? nil : "\(descriptor)"
        }
        #expect(failure == nil)
    }

    @Test("a written descriptor with a structure reads back the same")
    func roundTripWithStructure() {
        let failure = checkProperty { random in
            var descriptor = Self.random(&random)
            descriptor.hasScalabilityStructure = true
            var resolutions: [(width: UInt16, height: UInt16)] = []
            for _ in 0..<random.int(in: 0...8) {
                resolutions.append((UInt16(random.int(in: 0...65_535)), UInt16(random.int(in: 0...65_535))))
            }
            let group = (0..<random.int(in: 0...20)).map { _ in
                VP9GroupPicture(
                    temporalID: UInt8(random.int(in: 0...7)), isSwitchingUpPoint: random.next() & 1 == 0,
                    differences: random.bytes(random.int(in: 0...3)))
            }
            let bytes = BufferWriter.array(capacity: 256) {
                descriptor.write(to: &$0)
                descriptor.structureOffset = $0.count
                VP9ScalabilityStructure.write(resolutions: resolutions, group: group, to: &$0)
            }
            descriptor.byteCount = bytes.count
            guard Self.read(bytes) == descriptor else { return "descriptor" }
            guard
                let structure = VP9ScalabilityStructure(
                    bytes.rawSpan, from: descriptor.structureOffset, to: bytes.count)
            else { return "structure" }
            guard structure.spatialLayers == max(resolutions.count, 1), structure.groupPictures == group.count else {
                return "counts"
            }
            for (layer, resolution) in resolutions.enumerated()
            where structure.widths[layer] != resolution.width || structure.heights[layer] != resolution.height {
                return "sizes"
            }
            for temporalID in 0..<8
            where structure.pictures(upTo: temporalID) != group.count(where: { Int($0.temporalID) <= temporalID }) {
                return "pictures up to \(temporalID)"
            }
            let highest = group.map { Int($0.temporalID) }.max() ?? 0
            return structure.temporalLayers == highest + 1 ? nil : "temporal layers"
        }
        #expect(failure == nil)
    }

    @Test("no bytes trap, and the descriptor stays inside them")
    func hostile() {
        let seeds = ["e8 92 67 53 c8 86", "f5 11 24 03 05 08 86", "8a 05 38 0140 00b4 0280 0168 01 14 01 aabb"]
        let failure = checkProperty(cases: 5_000) { random in
            let good = [UInt8](hex: seeds[random.int(in: 0...2)])
            let bytes = random.next() & 3 == 0 ? random.bytes(random.int(in: 0...40)) : mutate(good, using: &random)
            let (from, to) = (random.int(in: -2...20), random.int(in: -2...40))
            if let descriptor = VP9Descriptor(bytes.rawSpan, from: from, to: to) {
                guard from + descriptor.byteCount <= min(to, bytes.count) else { return "beyond the end" }
                guard descriptor.structureOffset < descriptor.byteCount else { return "structure beyond the end" }
            }
            if let structure = VP9ScalabilityStructure(bytes.rawSpan, from: from, to: to) {
                guard from + structure.byteCount <= min(to, bytes.count) else { return "structure beyond the end" }
                guard (1...8).contains(structure.temporalLayers) else { return "temporal layers" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
