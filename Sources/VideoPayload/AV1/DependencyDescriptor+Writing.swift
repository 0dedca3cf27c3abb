// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension DependencyDescriptor {
    /// Writes the descriptor from its values.
    ///
    /// - Parameters:
    ///   - structure: the structure that it refers to. Written with it when ``hasStructure`` says so: for a sender, or
    ///     for a receiver that could not know it yet.
    ///   - writer: where it goes; a header extension has room for ``VideoPayloadLimits/dependencyDescriptorBytes``.
    public func write(structure: borrowing DependencyStructure, to writer: inout BufferWriter) {
        var bits = BitWriter()
        writeStart(templateDelta: 0, frameDelta: 0, &bits, to: &writer)
        guard isExtended else { return }
        writeFlags(naming: hasActiveTargets, &bits, to: &writer)
        if hasStructure { structure.write(&bits, to: &writer) }
        if hasActiveTargets { bits.bits(activeTargets, structure.targets.count, to: &writer) }
        if hasCustomIndications { bits.indications(indications, structure.targets.count, to: &writer) }
        if hasCustomDifferences {
            for index in 0..<differences.count {
                let value = UInt32(differences[index] &- 1) & 0xFFF
                let size = value < 16 ? 1 : value < 256 ? 2 : 3
                bits.bits(UInt32(size), 2, to: &writer)
                bits.bits(value, 4 * size, to: &writer)
            }
            bits.bits(0, 2, to: &writer)
        }
        if hasCustomChains {
            for chain in 0..<structure.chainCount { bits.bits(UInt32(customChains[chain]), 8, to: &writer) }
        }
        bits.pad(to: &writer)
    }

    /// Writes the descriptor anew for a receiver, as a bridge must that joins several streams into one (media-plane.md
    /// 5.8). What need not change is copied bit by bit, so this needs no structure.
    ///
    /// - Parameters:
    ///   - bytes: the packet that this descriptor was read from.
    ///   - offset: where the descriptor starts in it.
    ///   - end: where it ends.
    ///   - templateDelta: added to the template id and to the first id of a structure, modulo 64.
    ///   - frameDelta: added to the frame number, modulo 65,536.
    ///   - activeTargets: the active decode targets that the receiver is to be told; `nil` leaves it at what `bytes`
    ///     say. Not written where it goes without saying: "all", beside a structure. Not written, either, when the
    ///     number of decode targets is unknown.
    ///   - writer: where it goes. The length may change.
    public func rewrite(
        _ bytes: RawSpan, from offset: Int, to end: Int, templateDelta: UInt8, frameDelta: UInt16,
        activeTargets: UInt32?, to writer: inout BufferWriter
    ) {
        guard offset >= 0, end <= bytes.byteCount, offset < end,
            end - offset >= max(3, (Int(endPosition) + 7) / 8)
        else { return }
        var bits = BitWriter()
        writeStart(templateDelta: templateDelta, frameDelta: frameDelta, &bits, to: &writer)
        guard targetCount > 0 else {
            // Nobody knows what stands there; it stays.
            writer.append(bytes.slice(offset + 3, count: end - offset - 3))
            return
        }
        let all = UInt32.max >> UInt32(32 - targetCount)
        let origin = offset * 8
        var names = hasActiveTargets
        var mask = self.activeTargets
        if let activeTargets {
            mask = activeTargets & all
            names = !(hasStructure && mask == all)
        }
        guard isExtended || names else { return }
        writeFlags(naming: names, &bits, to: &writer)
        if hasStructure {
            var reader = BitReader(from: offset, to: end)
            reader.skip(to: origin + Self.structurePosition)
            let first = UInt8(reader.bits(6, in: bytes))
            bits.bits(UInt32(first &+ templateDelta & 63), 6, to: &writer)
            bits.copy(
                bytes, from: origin + Self.structurePosition + 6, to: origin + Int(maskPosition), to: &writer)
        }
        if names { bits.bits(mask, Int(targetCount), to: &writer) }
        bits.copy(bytes, from: origin + Int(customPosition), to: origin + Int(endPosition), to: &writer)
        bits.pad(to: &writer)
    }

    /// Where a structure starts, in bits: behind the three bytes and the five flags.
    private static var structurePosition: Int { 29 }

    private func writeStart(
        templateDelta: UInt8, frameDelta: UInt16, _ bits: inout BitWriter, to writer: inout BufferWriter
    ) {
        bits.flag(isStartOfFrame, to: &writer)
        bits.flag(isEndOfFrame, to: &writer)
        bits.bits(UInt32((templateID &+ templateDelta) & 63), 6, to: &writer)
        bits.bits(UInt32(frameNumber &+ frameDelta), 16, to: &writer)
    }

    private func writeFlags(naming namesTargets: Bool, _ bits: inout BitWriter, to writer: inout BufferWriter) {
        bits.flag(hasStructure, to: &writer)
        bits.flag(namesTargets, to: &writer)
        bits.flag(hasCustomIndications, to: &writer)
        bits.flag(hasCustomDifferences, to: &writer)
        bits.flag(hasCustomChains, to: &writer)
    }
}
