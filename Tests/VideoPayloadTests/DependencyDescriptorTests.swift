// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("AV1 dependency descriptor: reading (AV1 RTP specification, appendix A)")
struct DependencyDescriptorTests {
    typealias Samples = DependencySamples

    static func refusal(_ bytes: [UInt8]) -> DependencyError? {
        var history = DependencyHistory()
        do throws(DependencyError) {
            _ = try history.read(bytes, sequence: 1)
            return nil
        } catch {
            return error
        }
    }

    @Test("Chrome's key frame with one layer")
    func oneLayer() throws {
        var history = DependencyHistory()
        let descriptor = try history.read(Samples.oneLayer, sequence: 7)
        #expect(descriptor.isStartOfFrame && !descriptor.isEndOfFrame)
        #expect(descriptor.frameNumber == 1)
        #expect(descriptor.hasStructure && !descriptor.hasActiveTargets)
        #expect(descriptor.resolution == .resolved)
        #expect(descriptor.activeTargets == 1)
        #expect(descriptor.indications[0] == .switching)
        #expect(descriptor.differences.count == 0)
        #expect(history.newest.targets.count == 1)
        #expect(history.newest.templates.count == 2)
        #expect(history.newest.chainCount == 1)
        #expect(history.newest.templates[1].differences[0] == 1)
        #expect(history.newest.templates[1].chainDifferences[0] == 1)
        #expect(history.newest.widths[0] == 480)
        #expect(history.newest.height(ofTarget: 0) == 270)
        let next = try history.read([UInt8](hex: "410002"), sequence: 9)
        #expect(next.resolution == .resolved)
        #expect(next.isEndOfFrame && !next.isStartOfFrame)
        #expect(next.differences.count == 1)
        #expect(next.differences[0] == 1)
        #expect(next.generation == descriptor.generation)
    }

    @Test("Chrome's key frame with three spatial and three temporal layers, and a later frame of fewer")
    func nineTargets() throws {
        var history = DependencyHistory()
        let key = try history.read(Samples.nineTargets, sequence: 100)
        #expect(key.isStartOfFrame && key.isEndOfFrame)
        #expect(key.frameNumber == 0x134)
        #expect([key.spatialID, key.temporalID] == [0, 0])
        #expect(key.activeTargets == 0x1FF)
        #expect(history.newest.targets.count == 9)
        #expect((0..<9).map { history.newest.targets[$0].spatialID } == [0, 0, 0, 1, 1, 1, 2, 2, 2])
        #expect((0..<9).map { history.newest.targets[$0].temporalID } == [0, 1, 2, 0, 1, 2, 0, 1, 2])
        #expect((0..<9).map { history.newest.height(ofTarget: $0) } == [180, 180, 180, 360, 360, 360, 720, 720, 720])
        let later = try history.read(Samples.fewerTargets, sequence: 150)
        #expect(later.frameNumber == 0x146)
        #expect(later.hasActiveTargets && !later.hasStructure)
        #expect(later.activeTargets == 0b111)
        #expect(history.activeTargets == 0b111)
        #expect([later.spatialID, later.temporalID] == [0, 1])
        #expect(!later.indications.contains(0) && later.indications.contains(1))
        #expect(!later.indications.contains(3))
    }

    @Test("without a structure the first three bytes are known, and no more")
    func noStructure() throws {
        var history = DependencyHistory()
        let descriptor = try history.read(Samples.fewerTargets, sequence: 150)
        #expect(descriptor.resolution == .noStructure)
        #expect(descriptor.isStartOfFrame && descriptor.isEndOfFrame)
        #expect(descriptor.templateID == 17)
        #expect(descriptor.frameNumber == 0x146)
        #expect(descriptor.activeTargets == 0)
        #expect(history.generation == 0)
        #expect(history.activeTargets == 0)
    }

    @Test("a template of another structure is not taken for one of this")
    func unknownTemplate() throws {
        var history = DependencyHistory()
        _ = try history.read(Samples.oneLayer, sequence: 1)
        let descriptor = try history.read(Samples.fewerTargets, sequence: 2)
        #expect(descriptor.resolution == .unknownTemplate)
        #expect(descriptor.frameNumber == 0x146)
        #expect(descriptor.activeTargets == 0)
        #expect(history.activeTargets == 1)
    }

    @Test("a descriptor that is cut off is refused")
    func cutOff() {
        for whole in [Samples.oneLayer, Samples.nineTargets] {
            #expect(Self.refusal(whole) == nil)
            for count in 0..<whole.count where count != 3 {
                #expect(Self.refusal(Array(whole[..<count])) == .truncated, "cut to \(count)")
            }
        }
    }

    @Test("a cut mask is refused where the structure is known")
    func cutMask() throws {
        var history = DependencyHistory()
        _ = try history.read(Samples.nineTargets, sequence: 1)
        #expect(throws: DependencyError.truncated) {
            _ = try history.read(Array(Samples.fewerTargets[..<4]), sequence: 2)
        }
    }

    @Test(
        "an offset beyond the bytes is refused",
        arguments: [(-1, 3), (0, 14), (12, 13), (5, 4), (Int.max, 13), (1, Int.min)])
    func outside(from: Int, to: Int) {
        var history = DependencyHistory()
        #expect(throws: DependencyError.truncated) {
            _ = try history.read(Samples.oneLayer, from: from, to: to, sequence: 1)
        }
    }

    @Test("impossible structures are refused")
    func impossible() {
        // Flags, offset 0, one decode target; then layers, two bits each.
        func refused(layers: [UInt32], rest: [(UInt32, Int)] = []) -> DependencyError? {
            var bits = "1" + String(repeating: "0", count: 4 + 6 + 5)
            for layer in layers { bits += layer > 1 ? layer == 2 ? "10" : "11" : layer == 1 ? "01" : "00" }
            for (value, count) in rest {
                let digits = String(value, radix: 2)
                bits += String(repeating: "0", count: count - digits.count) + digits
            }
            bits += String(repeating: "0", count: 240 * 8 - bits.count)
            var bytes: [UInt8] = [0x80, 0, 1]
            var rest = Substring(bits)
            while !rest.isEmpty {
                bytes.append(UInt8(rest.prefix(8), radix: 2) ?? 0)
                rest = rest.dropFirst(8)
            }
            return Self.refusal(bytes)
        }
        #expect(refused(layers: [3]) == nil)
        #expect(refused(layers: [2, 2, 2, 3]) == nil)
        #expect(refused(layers: [2, 2, 2, 2, 3]) == .impossible, "a fifth spatial layer")
        #expect(refused(layers: Array(repeating: 1, count: 7) + [3]) == nil)
        #expect(refused(layers: Array(repeating: 1, count: 8) + [3]) == .impossible, "a ninth temporal layer")
        #expect(refused(layers: Array(repeating: 0, count: 63) + [3]) == nil)
        #expect(refused(layers: Array(repeating: 0, count: 64) + [3]) == .impossible, "a 65th template")
        let difference: (UInt32, Int) = (0x1F, 5)
        #expect(refused(layers: [3], rest: [(0, 2)] + Array(repeating: difference, count: 8)) == nil)
        #expect(
            refused(layers: [3], rest: [(0, 2)] + Array(repeating: difference, count: 9)) == .impossible,
            "a ninth reference")
        #expect(refused(layers: Array(repeating: 0, count: 60)) == .impossible, "layers without an end")
    }

    @Test("a template that its own structure lacks is refused, and the structure is not taken in")
    func ownTemplate() throws {
        var bytes = Samples.oneLayer
        bytes[0] = 0x82
        var history = DependencyHistory()
        #expect(throws: DependencyError.impossible) { _ = try history.read(bytes, sequence: 1) }
        #expect(history.generation == 0)
    }

    @Test("a descriptor longer than any header extension is refused")
    func tooLong() {
        #expect(Self.refusal(Samples.oneLayer + [UInt8](repeating: 0, count: 242)) == nil)
        #expect(Self.refusal(Samples.oneLayer + [UInt8](repeating: 0, count: 243)) == .impossible)
    }

    @Test("no bytes trap, and what is read keeps the limits")
    func hostile() {
        let failure = checkProperty(cases: 4_000) { random in
            var history = DependencyHistory()
            for _ in 0..<random.int(in: 1...8) {
                let bytes: [UInt8]
                switch random.int(in: 0...4) {
                case 0: bytes = random.bytes(random.int(in: 0...255))
                case 1: bytes = [0x80, 0, 1, 0x80] + random.bytes(random.int(in: 0...90))
                case 2: bytes = mutate(Samples.nineTargets, using: &random)
                case 3: bytes = mutate(Samples.oneLayer, using: &random)
                default: bytes = mutate(Samples.fewerTargets, using: &random)
                }
                let sequence = Int64(random.int(in: -5...5))
                guard let descriptor = try? history.read(bytes, sequence: sequence) else { continue }
                guard descriptor.differences.count <= 8 else { return "differences" }
                guard descriptor.spatialID < 4, descriptor.temporalID < 8 else { return "layers" }
                for delta: UInt8 in [0, 1, 63, 255] {
                    let written = Samples.rewrite(
                        descriptor, bytes, templateDelta: delta, frameDelta: 9,
                        activeTargets: random.next() & 1 == 0 ? 1 : nil)
                    // At most the mask is added.
                    guard written.count >= 3, written.count <= bytes.count + 5 else { return "rewritten" }
                }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
