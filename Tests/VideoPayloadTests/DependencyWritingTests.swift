// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("AV1 dependency descriptor: writing (media-plane.md 5.8)")
struct DependencyWritingTests {
    typealias Samples = DependencySamples

    @Test("what browsers sent is written back byte by byte")
    func recorded() throws {
        for bytes in [Samples.oneLayer, Samples.nineTargets] {
            var history = DependencyHistory()
            let descriptor = try history.read(bytes, sequence: 1)
            #expect(Samples.write(descriptor, history.newest) == bytes)
            #expect(Samples.rewrite(descriptor, bytes) == bytes)
        }
        var history = DependencyHistory()
        _ = try history.read(Samples.nineTargets, sequence: 1)
        let later = try history.read(Samples.fewerTargets, sequence: 2)
        #expect(Samples.write(later, history.newest) == Samples.fewerTargets)
        #expect(Samples.rewrite(later, Samples.fewerTargets) == Samples.fewerTargets)
    }

    @Test("template ids, the structure's first id and the frame number move along")
    func moved() throws {
        var history = DependencyHistory()
        let key = try history.read(Samples.oneLayer, sequence: 1)
        let moved = Samples.rewrite(key, Samples.oneLayer, templateDelta: 5, frameDelta: 0x100)
        #expect(moved == [UInt8](hex: "85 0101 80a03a410180ef808680"))
        let next = [UInt8](hex: "41ffff")
        let descriptor = try history.read(next, sequence: 2)
        #expect(Samples.rewrite(descriptor, next, templateDelta: 63, frameDelta: 2) == [UInt8](hex: "400001"))
    }

    @Test("a mask is added to the short form, and kept where the packet has one")
    func mask() throws {
        var history = DependencyHistory()
        _ = try history.read(Samples.oneLayer, sequence: 1)
        let short = [UInt8](hex: "400001")
        let descriptor = try history.read(short, sequence: 2)
        // Flags 01000, the mask of one target, two bits of padding.
        #expect(Samples.rewrite(descriptor, short, activeTargets: 1) == [UInt8](hex: "400001 44"))
        var scalable = DependencyHistory()
        _ = try scalable.read(Samples.nineTargets, sequence: 1)
        let later = try scalable.read(Samples.fewerTargets, sequence: 2)
        // 000111111 in place of 000000111.
        #expect(
            Samples.rewrite(later, Samples.fewerTargets, activeTargets: 0b111_111) == [UInt8](hex: "d10146 40fc"))
    }

    @Test("beside a structure a mask of all targets goes without saying, another is told")
    func maskBesideStructure() throws {
        var history = DependencyHistory()
        let key = try history.read(Samples.nineTargets, sequence: 1)
        #expect(Samples.rewrite(key, Samples.nineTargets, activeTargets: 0x1FF) == Samples.nineTargets)
        let fewer = Samples.rewrite(key, Samples.nineTargets, activeTargets: 0b111)
        #expect(fewer.count == Samples.nineTargets.count + 2)
        var receiver = DependencyHistory()
        let read = try receiver.read(fewer, sequence: 1)
        #expect(read.hasActiveTargets && read.activeTargets == 0b111)
        #expect(receiver.newest.isSame(as: history.newest) == true)
        #expect(Samples.rewrite(read, fewer, activeTargets: .max) == Samples.nineTargets)
    }

    @Test("what is not understood is moved along and otherwise left alone")
    func notUnderstood() throws {
        var history = DependencyHistory()
        let descriptor = try history.read(Samples.fewerTargets, sequence: 1)
        #expect(
            Samples.rewrite(descriptor, Samples.fewerTargets, templateDelta: 1, frameDelta: 1, activeTargets: 1)
                == [UInt8](hex: "d20147401c"))
    }

    @Test("a structure is written anew for who could not know it")
    func anew() throws {
        var history = DependencyHistory()
        _ = try history.read(Samples.nineTargets, sequence: 1)
        var descriptor = try history.read([UInt8](hex: "d10146"), sequence: 2)
        descriptor.hasStructure = true
        let bytes = Samples.write(descriptor, history.newest)
        var receiver = DependencyHistory()
        let read = try receiver.read(bytes, sequence: 1)
        #expect(receiver.newest.isSame(as: history.newest) == true)
        #expect(read.frameNumber == 0x146)
        #expect([read.spatialID, read.temporalID] == [0, 1])
    }

    @Test("a written structure reads back the same")
    func structures() {
        let failure = checkProperty(cases: 2_000) { random in
            guard let structure = Samples.structure(&random) else { return "not made" }
            let descriptor = Samples.descriptor(of: structure, withStructure: true, &random)
            let bytes = Samples.write(descriptor, structure)
            // Some are longer than a header extension.
            guard !bytes.isEmpty else { return nil }
            var history = DependencyHistory()
            guard (try? history.read(bytes, sequence: 1)) != nil else { return "refused" }
            return history.newest.isSame(as: structure) ? nil : "another structure"
        }
        #expect(failure == nil)
    }

    @Test("a written descriptor reads back the same, and moving it moves nothing but its numbers")
    func descriptors() {
        var checked = 0
        let failure = checkProperty(cases: 2_000) { random in
            guard let structure = Samples.structure(&random) else { return "not made" }
            let start = Samples.write(Samples.descriptor(of: structure, withStructure: true, &random), structure)
            guard !start.isEmpty else { return nil }
            var sender = DependencyHistory()
            var receiver = DependencyHistory()
            let (templateDelta, frameDelta) = (UInt8(random.int(in: 0...63)), UInt16(random.int(in: 0...65_535)))
            for sequence in 1...4 {
                let isKey = sequence == 1
                let sent = Samples.descriptor(of: structure, withStructure: isKey, &random)
                let bytes = random.bytes(random.int(in: 0...5)) + Samples.write(sent, structure)
                let written = Samples.write(sent, structure)
                guard !written.isEmpty else { return nil }
                let from = bytes.count - written.count
                guard
                    let read = try? sender.read(
                        bytes.rawSpan, from: from, to: bytes.count, sequence: Int64(sequence))
                else { return "refused" }
                guard Samples.write(read, structure) == written else { return "written otherwise" }
                let target =
                    random.next() & 1 == 0
                    ? UInt32(truncatingIfNeeded: random.next()) & structure.allTargets : nil
                let moved = Samples.rewrite(
                    read, bytes, from: from, templateDelta: templateDelta, frameDelta: frameDelta,
                    activeTargets: target)
                guard moved.count <= 255 else { return nil }
                guard var arrived = try? receiver.read(moved, sequence: Int64(sequence)) else { return "moved" }
                guard arrived.templateID == (sent.templateID + templateDelta) & 63 else { return "template id" }
                guard arrived.frameNumber == sent.frameNumber &+ frameDelta else { return "frame number" }
                if let target {
                    guard arrived.activeTargets == target else { return "mask" }
                    arrived.activeTargets = read.activeTargets
                    arrived.hasActiveTargets = read.hasActiveTargets
                }
                arrived.templateID = read.templateID
                arrived.frameNumber = read.frameNumber
                guard arrived == read else { return "\(arrived) is not \(read)" }
                checked += 1
            }
            return nil
        }
        #expect(failure == nil)
        #expect(checked > 4_000)
    }
}
