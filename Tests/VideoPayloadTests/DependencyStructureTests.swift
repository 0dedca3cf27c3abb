// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("AV1 dependency structures and which of them holds")
struct DependencyStructureTests {
    typealias Samples = DependencySamples

    /// Two temporal layers over two spatial ones that need each other: targets in the order 0/0, 0/1, 1/0, 1/1. With
    /// `isOnKeyOnly` the upper spatial layer needs the lower one in key pictures alone, so nobody can switch later.
    static func twoByTwo(isOnKeyOnly: Bool = false, offset: UInt8 = 0) throws -> DependencyStructure {
        typealias Row = (sid: UInt8, tid: UInt8, indications: [DecodeTargetIndication], differences: [UInt16])
        let later: DecodeTargetIndication = isOnKeyOnly ? .notPresent : .switching
        let rows: [Row] = [
            (0, 0, [.switching, .switching, .switching, .switching], []),
            (0, 0, [.switching, .switching, later, later], [4]),
            (0, 1, [.notPresent, .discardable, .notPresent, .discardable], [2]),
            (1, 0, [.notPresent, .notPresent, .switching, .switching], [1]),
            (1, 0, [.notPresent, .notPresent, isOnKeyOnly ? .required : .switching, .required], [4, 1]),
            (1, 1, [.notPresent, .notPresent, .notPresent, .discardable], [2, 1]),
        ]
        let templates = rows.map { row in
            var template = DependencyTemplate(spatialID: row.sid, temporalID: row.tid)
            for (target, indication) in row.indications.enumerated() {
                template.indications.set(indication, for: target)
            }
            for difference in row.differences { template.differences.append(difference) }
            return template
        }
        guard
            let structure = DependencyStructure(
                templateIDOffset: offset, templates: templates, targetCount: 4,
                resolutions: [(640, 360), (720, 1_280)])
        else { throw DependencyError.impossible }
        return structure
    }

    static func key(_ structure: borrowing DependencyStructure) -> [UInt8] {
        var descriptor = DependencyDescriptor()
        descriptor.templateID = structure.templateIDOffset
        descriptor.hasStructure = true
        return Samples.write(descriptor, structure)
    }

    static func short(_ templateID: UInt8) -> [UInt8] { [0x80 | templateID, 0, 5] }

    @Test("layers, heights and containment of decode targets")
    func targets() throws {
        let structure = try Self.twoByTwo()
        #expect((0..<4).map { structure.targets[$0].spatialID } == [0, 0, 1, 1])
        #expect((0..<4).map { structure.targets[$0].temporalID } == [0, 1, 0, 1])
        #expect((0..<4).map { structure.height(ofTarget: $0) } == [360, 360, 720, 720])
        #expect((0..<4).map { structure.targets(within: $0) } == [0b0001, 0b0011, 0b0101, 0b1111])
        #expect([-1, 4, 40].map { structure.targets(within: $0) } == [0, 0, 0])
        #expect([-1, 4, 40].map { structure.height(ofTarget: $0) } == [0, 0, 0])
        #expect(structure.allTargets == 0b1111)
        #expect(structure.spatialLayers == 2)
        // Of spatial layer 0 one template in temporal layer 0 and one above refer to earlier pictures.
        #expect((0..<4).map { structure.interPictureTemplates(ofTarget: $0) } == [1, 2, 1, 2])
    }

    @Test("whether a change of targets is possible without a key frame")
    func switching() throws {
        let full = try Self.twoByTwo()
        #expect(full.canSwitch(from: 0, to: 2) == true)
        #expect(full.canSwitch(from: 3, to: 0) == true)
        let onKeyOnly = try Self.twoByTwo(isOnKeyOnly: true)
        #expect(onKeyOnly.canSwitch(from: 0, to: 2) == false)
        #expect(onKeyOnly.canSwitch(from: 0, to: 1) == true)
    }

    @Test("indications name the highest target that a frame belongs to")
    func highest() {
        var indications = DecodeTargetIndications()
        #expect(indications.highest == nil)
        indications.set(.discardable, for: 0)
        #expect(indications.highest == 0)
        indications.set(.required, for: 31)
        #expect(indications.highest == 31)
        indications.set(.notPresent, for: 31)
        indications.set(.switching, for: 32)
        #expect(indications.highest == 0)
        #expect(indications[32] == .notPresent)
        #expect(indications[-1] == .notPresent)
    }

    @Test("the next structure's first id follows this one's templates")
    func nextID() throws {
        let structure = try Self.twoByTwo(offset: 60)
        #expect(structure.nextTemplateID(movedBy: 0) == 2)
        #expect(structure.nextTemplateID(movedBy: 63) == 1)
        #expect(structure.templateIndex(ofID: 60) == 0)
        #expect(structure.templateIndex(ofID: 1) == 5)
        #expect(structure.templateIndex(ofID: 2) == nil)
        #expect(structure.templateIndex(ofID: 59) == nil)
    }

    @Test("a structure that the form cannot express is not made")
    func refused() {
        func make(
            offset: UInt8 = 0, _ layers: [(UInt8, UInt8)], targets: Int = 1, chains: Int = 0, protecting: [UInt8] = [],
            sizes: [(width: UInt32, height: UInt32)] = []
        ) -> Bool {
            DependencyStructure(
                templateIDOffset: offset,
                templates: layers.map { DependencyTemplate(spatialID: $0.0, temporalID: $0.1) },
                targetCount: targets, chainCount: chains, protectingChains: protecting, resolutions: sizes) != nil
        }
        #expect(make([(0, 0)]))
        #expect(
            make([(0, 0), (0, 1), (1, 0)], targets: 2, chains: 1, protecting: [0, 0], sizes: [(1, 1), (65_536, 1)]))
        #expect(!make([]))
        #expect(!make(offset: 64, [(0, 0)]))
        #expect(!make([(0, 1)]))
        #expect(!make([(0, 0), (0, 2)]))
        #expect(!make([(0, 0), (1, 1)]))
        #expect(!make([(0, 0), (1, 0), (0, 0)]))
        #expect(!make([(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)]))
        #expect(!make([(0, 0)], targets: 0))
        #expect(!make([(0, 0)], targets: 33))
        #expect(!make([(0, 0)], targets: 1, chains: 2, protecting: [0]))
        #expect(!make([(0, 0)], targets: 1, chains: 1, protecting: [1]))
        #expect(!make([(0, 0)], targets: 2, chains: 1, protecting: [0]))
        #expect(!make([(0, 0)], sizes: [(1, 1), (1, 1)]))
        #expect(!make([(0, 0)], sizes: [(0, 1)]))
        #expect(!make([(0, 0)], sizes: [(1, 65_537)]))
        #expect(!make(Array(repeating: (0, 0), count: 65)))
        var foreign = DependencyTemplate()
        foreign.indications.set(.required, for: 1)
        let isForeignTaken = DependencyStructure(templateIDOffset: 0, templates: [foreign], targetCount: 1) != nil
        #expect(!isForeignTaken)
        var far = DependencyTemplate()
        far.differences.append(17)
        let isFarTaken = DependencyStructure(templateIDOffset: 0, templates: [far], targetCount: 1) != nil
        #expect(!isFarTaken)
    }

    @Test("the same structure said again is no new one, another is")
    func generations() throws {
        var history = DependencyHistory()
        let structure = try Self.twoByTwo()
        #expect(history.generation == 0)
        #expect(try history.read(Self.key(structure), sequence: 10).generation == 1)
        #expect(try history.read(Self.key(structure), sequence: 20).generation == 1)
        #expect(try history.read(Self.key(Self.twoByTwo(offset: 6)), sequence: 30).generation == 2)
        #expect(history.generation == 2)
        #expect(history.newest.templateIDOffset == 6)
    }

    @Test("packets from before the newest structure are read by the one before")
    func reordered() throws {
        var history = DependencyHistory()
        _ = try history.read(Self.key(Self.twoByTwo()), sequence: 10)
        _ = try history.read(Self.key(Self.twoByTwo(isOnKeyOnly: true, offset: 6)), sequence: 30)
        let late = try history.read(Self.short(5), sequence: 29)
        #expect(late.resolution == .resolved)
        #expect([late.spatialID, late.temporalID] == [1, 1])
        #expect(late.generation == 1)
        let now = try history.read(Self.short(6), sequence: 31)
        #expect(now.resolution == .resolved)
        #expect(now.generation == 2)
        #expect(try history.read(Self.short(5), sequence: 31).resolution == .unknownTemplate)
        #expect(try history.read(Self.short(5), sequence: 9).resolution == .noStructure)
    }

    @Test("a structure that arrives late takes its place in the order of packets")
    func lateStructure() throws {
        var history = DependencyHistory()
        _ = try history.read(Self.key(Self.twoByTwo(offset: 6)), sequence: 30)
        #expect(try history.read(Self.short(5), sequence: 29).resolution == .noStructure)
        #expect(try history.read(Self.key(Self.twoByTwo()), sequence: 10).generation == 2)
        #expect(history.generation == 1)
        #expect(history.newest.templateIDOffset == 6)
        #expect(try history.read(Self.short(5), sequence: 29).resolution == .resolved)
        #expect(try history.read(Self.short(6), sequence: 31).generation == 1)
        // Older than both: good for its own packet alone.
        #expect(try history.read(Self.key(Self.twoByTwo(offset: 20)), sequence: 5).resolution == .resolved)
        #expect(try history.read(Self.short(21), sequence: 6).resolution == .noStructure)
    }

    @Test("a late structure between two packets that tell the newest one")
    func between() throws {
        var history = DependencyHistory()
        _ = try history.read(Self.key(Self.twoByTwo(offset: 6)), sequence: 10)
        _ = try history.read(Self.key(Self.twoByTwo(offset: 6)), sequence: 50)
        _ = try history.read(Self.key(Self.twoByTwo()), sequence: 30)
        #expect(try history.read(Self.short(7), sequence: 51).resolution == .resolved)
        #expect(try history.read(Self.short(1), sequence: 31).resolution == .resolved)
        #expect(history.newest.templateIDOffset == 6)
    }

    @Test("the active targets are those of the newest packet that tells them")
    func activeTargets() throws {
        var history = DependencyHistory()
        _ = try history.read(Samples.nineTargets, sequence: 10)
        #expect(history.activeTargets == 0x1FF)
        _ = try history.read(Samples.fewerTargets, sequence: 20)
        #expect(history.activeTargets == 0b111)
        // Flags 01000, mask 000111111.
        _ = try history.read([UInt8](hex: "d1014540fc"), sequence: 15)
        #expect(history.activeTargets == 0b111)
        _ = try history.read([UInt8](hex: "d1014840fc"), sequence: 21)
        #expect(history.activeTargets == 0b111_111)
        _ = try history.read([UInt8](hex: "d10149"), sequence: 22)
        #expect(history.activeTargets == 0b111_111)
    }

    @Test("after a reset nothing is known, and the next structure has a number of its own")
    func reset() throws {
        var history = DependencyHistory()
        _ = try history.read(Self.key(Self.twoByTwo()), sequence: 10)
        _ = try history.read(Self.key(Self.twoByTwo(offset: 6)), sequence: 20)
        history.reset()
        #expect(history.generation == 0)
        #expect(history.activeTargets == 0)
        #expect(try history.read(Self.short(6), sequence: 21).resolution == .noStructure)
        #expect(try history.read(Self.short(0), sequence: 15).resolution == .noStructure)
        #expect(try history.read(Self.key(Self.twoByTwo(offset: 6)), sequence: 1).generation == 3)
        #expect(try history.read(Self.short(6), sequence: 2).generation == 3)
    }
}
