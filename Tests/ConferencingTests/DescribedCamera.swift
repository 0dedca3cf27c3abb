// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import VideoPayload

/// A camera of AV1 with spatial and temporal layers in each of its encodings, and a dependency descriptor on every
/// packet.
struct DescribedCamera {
    typealias Name = ScalableCamera.Name

    /// A layer frame.
    struct Frame {
        var number: Int
        var temporal: Int
        var references: [Name]
        var packets: Int
        var isKeyPicture: Bool
    }

    struct Packet {
        var ssrc: UInt32
        var sequence: UInt16
        var timestamp: UInt32
        var descriptor: [UInt8]
        var payload: [UInt8]
        var marker: Bool
    }

    let mode: ScalableCamera.Mode
    let ssrcs: [UInt32]
    var layers = 3
    private(set) var frames: [Name: Frame] = [:]
    private(set) var moment = -1
    private var sequences: [UInt16]
    private var numbers: [Int]
    /// Where each encoding's templates begin.
    private var offsets: [Int]
    private var structures: [Int]
    private var sinceKey = 0

    init(_ mode: ScalableCamera.Mode, ssrcs: [UInt32]) {
        self.mode = mode
        self.ssrcs = ssrcs
        sequences = ssrcs.indices.map { UInt16(65_500 - $0 * 9_000) }
        numbers = ssrcs.indices.map { 65_400 - $0 * 777 }
        offsets = ssrcs.indices.map { 50 + $0 * 20 }
        structures = ssrcs.map { _ in 3 }
    }

    /// The next picture in all encodings.
    mutating func next(isKeyframe: Bool = false) -> [Packet] {
        moment += 1
        let isKey = isKeyframe || moment == 0
        sinceKey = isKey ? 0 : sinceKey + 1
        let temporal = [0, 2, 1, 2][sinceKey % 4]
        let back = [4, 1, 2, 1][sinceKey % 4]
        var result: [Packet] = []
        for encoding in ssrcs.indices {
            if isKey, structures[encoding] != layers {
                offsets[encoding] += structures[encoding] * 4
                structures[encoding] = layers
            }
            for spatial in 0..<layers {
                let name = Name(encoding: encoding, moment: moment, spatial: spatial)
                numbers[encoding] += 1
                var frame = Frame(
                    number: numbers[encoding], temporal: temporal, references: [], packets: spatial + 1,
                    isKeyPicture: isKey)
                if !isKey { frame.references.append(Name(encoding: encoding, moment: moment - back, spatial: spatial)) }
                if spatial > 0, isKey || mode == .full {
                    frame.references.append(Name(encoding: encoding, moment: moment, spatial: spatial - 1))
                }
                frames[name] = frame
                for part in 0..<frame.packets { result.append(packet(part, of: name, frame)) }
            }
        }
        return result
    }

    private mutating func packet(_ part: Int, of name: Name, _ frame: Frame) -> Packet {
        sequences[name.encoding] &+= 1
        let tail = [name.encoding, name.spatial, name.moment >> 8, name.moment & 255, part].map { UInt8($0) }
        // The first byte is the aggregation header.
        let isFirst = frame.isKeyPicture && name.spatial == 0 && part == 0
        return Packet(
            ssrc: ssrcs[name.encoding], sequence: sequences[name.encoding],
            timestamp: UInt32.max - 90_000 &+ UInt32(name.moment) * 3_000 &+ UInt32(name.encoding) * 7_777,
            descriptor: descriptor(part, of: name, frame), payload: [isFirst ? 0x18 : 0x10] + tail,
            marker: name.spatial == layers - 1 && part == frame.packets - 1)
    }

    // MARK: Descriptors

    private func descriptor(_ part: Int, of name: Name, _ frame: Frame) -> [UInt8] {
        let layers = structures[name.encoding]
        var descriptor = DependencyDescriptor()
        descriptor.isStartOfFrame = part == 0
        descriptor.isEndOfFrame = part == frame.packets - 1
        descriptor.hasStructure = frame.isKeyPicture && name.spatial == 0 && part == 0
        let place = name.spatial * 4 + (frame.isKeyPicture ? 0 : 1 + frame.temporal)
        descriptor.templateID = UInt8((offsets[name.encoding] + place) & 63)
        descriptor.frameNumber = UInt16(truncatingIfNeeded: frame.number)
        descriptor.hasCustomDifferences = true
        for reference in frame.references {
            descriptor.differences.append(UInt16(frame.number - (frames[reference]?.number ?? 0)))
        }
        var templates: [DependencyTemplate] = []
        for spatial in 0..<layers {
            templates.append(template(spatial, 0, isKey: true, layers: layers))
            for temporal in 0..<3 { templates.append(template(spatial, temporal, isKey: false, layers: layers)) }
        }
        guard
            let structure = DependencyStructure(
                templateIDOffset: UInt8(offsets[name.encoding] & 63), templates: templates, targetCount: layers * 3,
                resolutions: (0..<layers).map { (width: UInt32(320) << UInt32($0), height: UInt32(180) << UInt32($0)) })
        else { return [] }
        return BufferWriter.array(capacity: 255) { descriptor.write(structure: structure, to: &$0) }
    }

    private func template(_ spatial: Int, _ temporal: Int, isKey: Bool, layers: Int) -> DependencyTemplate {
        var template = DependencyTemplate(spatialID: UInt8(spatial), temporalID: UInt8(temporal))
        for target in 0..<layers * 3 {
            template.indications.set(indication(spatial, temporal, isKey: isKey, target: target), for: target)
        }
        if spatial > 0, isKey || mode == .full { template.differences.append(1) }
        if !isKey { template.differences.append(UInt16(layers * [4, 2, 1][temporal])) }
        return template
    }

    /// What a frame is to the target of spatial layer `target` / 3 and temporal layer `target` % 3.
    private func indication(_ spatial: Int, _ temporal: Int, isKey: Bool, target: Int) -> DecodeTargetIndication {
        let (space, time) = (target / 3, target % 3)
        guard space >= spatial, time >= temporal else { return .notPresent }
        if space > spatial {
            if mode == .key && !isKey { return .notPresent }
            return isKey ? .switching : .required
        }
        return time == temporal && temporal > 0 ? .discardable : .switching
    }
}
