// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import VideoPayload

/// Dependency descriptors for tests: as browsers sent them, and random ones that obey the rules.
enum DependencySamples {
    /// Chrome 110, AV1 in its usual form, one layer of 480 × 270: the first packet of a key frame.
    static let oneLayer = [UInt8](hex: "80 0001 80003a410180ef808680")
    /// Chrome 112, AV1 with S3T3: three spatial layers that do not need each other, three temporal layers each.
    static let nineTargets = [UInt8](
        hex: """
            d0013481e81485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e082b04a0941b820
            ac1282503157f974000ca864330e222222eca8655304224230eca87753013f00b3027f016704ff02cf
            """)
    /// Later in the same stream: the upper two spatial layers are no longer sent.
    static let fewerTargets = [UInt8](hex: "d10146401c")

    static func structure(_ random: inout Random) -> DependencyStructure? {
        let targets = random.int(in: 0...9) == 0 ? 32 : random.int(in: 1...9)
        let chains = random.int(in: 0...min(targets, 4))
        var templates: [DependencyTemplate] = []
        var layer = DependencyTemplate()
        for _ in 0..<random.int(in: 1...12) {
            var template = DependencyTemplate(spatialID: layer.spatialID, temporalID: layer.temporalID)
            for target in 0..<targets { template.indications.set(indication(&random), for: target) }
            for _ in 0..<random.int(in: 0...3) { template.differences.append(UInt16(random.int(in: 1...16))) }
            for chain in 0..<chains { template.chainDifferences[chain] = UInt8(random.int(in: 0...15)) }
            templates.append(template)
            switch random.int(in: 0...3) {
            case 0 where layer.temporalID < 7: layer.temporalID += 1
            case 1 where layer.spatialID < 3: layer = DependencyTemplate(spatialID: layer.spatialID + 1)
            default: break
            }
        }
        let hasSizes = random.next() & 1 == 0
        let spatialLayers = Int(templates.last?.spatialID ?? 0) + 1
        return DependencyStructure(
            templateIDOffset: UInt8(random.int(in: 0...63)), templates: templates, targetCount: targets,
            chainCount: chains,
            protectingChains: chains == 0 ? [] : (0..<targets).map { _ in UInt8(random.int(in: 0...(chains - 1))) },
            resolutions: hasSizes
                ? (0..<spatialLayers).map { _ in
                    (UInt32(random.int(in: 1...65_536)), UInt32(random.int(in: 1...65_536)))
                } : [])
    }

    static func indication(_ random: inout Random) -> DecodeTargetIndication {
        DecodeTargetIndication(rawValue: UInt8(random.int(in: 0...3))) ?? .notPresent
    }

    /// A descriptor of a frame of `structure`. Its values that come from the template are left out.
    static func descriptor(
        of structure: borrowing DependencyStructure, withStructure: Bool, _ random: inout Random
    ) -> DependencyDescriptor {
        var descriptor = DependencyDescriptor()
        descriptor.isStartOfFrame = random.next() & 1 == 0
        descriptor.isEndOfFrame = random.next() & 1 == 0
        let index = random.int(in: 0...(structure.templates.count - 1))
        descriptor.templateID = (structure.templateIDOffset + UInt8(index)) & 63
        descriptor.frameNumber = UInt16(random.int(in: 0...65_535))
        descriptor.hasStructure = withStructure
        descriptor.hasActiveTargets = random.next() & 1 == 0
        if descriptor.hasActiveTargets {
            descriptor.activeTargets = UInt32(truncatingIfNeeded: random.next()) & structure.allTargets
        }
        descriptor.hasCustomIndications = random.next() & 3 == 0
        if descriptor.hasCustomIndications {
            for target in 0..<structure.targets.count {
                descriptor.indications.set(indication(&random), for: target)
            }
        }
        descriptor.hasCustomDifferences = random.next() & 3 == 0
        if descriptor.hasCustomDifferences {
            for _ in 0..<random.int(in: 0...8) {
                let most = [16, 256, 4_096][random.int(in: 0...2)]
                descriptor.differences.append(UInt16(random.int(in: 1...most)))
            }
        }
        descriptor.hasCustomChains = random.next() & 3 == 0
        if descriptor.hasCustomChains {
            for chain in 0..<structure.chainCount {
                descriptor.customChains[chain] = UInt8(random.int(in: 0...255))
            }
        }
        return descriptor
    }

    static func write(_ descriptor: DependencyDescriptor, _ structure: borrowing DependencyStructure) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: VideoPayloadLimits.dependencyDescriptorBytes) { memory, count in
            var writer = BufferWriter(UnsafeMutableRawBufferPointer(memory))
            descriptor.write(structure: structure, to: &writer)
            count = writer.isTruncated ? 0 : writer.count
        }
    }

    static func rewrite(
        _ descriptor: DependencyDescriptor, _ bytes: [UInt8], from: Int = 0, templateDelta: UInt8 = 0,
        frameDelta: UInt16 = 0, activeTargets: UInt32? = nil
    ) -> [UInt8] {
        BufferWriter.array(capacity: 300) {
            descriptor.rewrite(
                bytes.rawSpan, from: from, to: bytes.count, templateDelta: templateDelta, frameDelta: frameDelta,
                activeTargets: activeTargets, to: &$0)
        }
    }
}

extension DependencyHistory {
    mutating func read(
        _ bytes: [UInt8], from: Int = 0, to: Int? = nil, sequence: Int64
    ) throws(DependencyError) -> DependencyDescriptor {
        try read(bytes.rawSpan, from: from, to: to ?? bytes.count, sequence: sequence)
    }
}
