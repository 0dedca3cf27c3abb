// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
public import VideoPayload

/// What a dependency structure says of its decode targets, as far as receivers' choices need it: made once for all of
/// them.
struct DecodeTargets: BitwiseCopyable {
    /// Which structure it is (``VideoPayload/DependencyHistory/generation``); 0: none was seen.
    private(set) var generation: UInt32 = 0
    /// How many there are.
    private(set) var count: UInt8 = 0
    /// The id of the structure's first template, and the one behind its last.
    private(set) var firstTemplate: UInt8 = 0
    private(set) var endOfTemplates: UInt8 = 0
    /// Those that the stream sends, the first in bit 0.
    var active: UInt32 = 0
    /// Of each its spatial layer, and its temporal one in the lower three bits.
    var layers = InlineArray<32, UInt8>(repeating: 0)
    /// For each those from which some frame, not of a key picture, carries a receiver over to it.
    var sources = InlineArray<32, UInt32>(repeating: 0)

    /// Nothing known.
    init() {}

    /// Takes in a structure. Bounded: so many templates times so many targets.
    mutating func note(_ structure: borrowing DependencyStructure, generation: UInt32) {
        self = Self()
        self.generation = generation
        let number = min(structure.targets.count, ForwardingLimits.decodeTargets)
        count = UInt8(number)
        firstTemplate = structure.templateIDOffset
        endOfTemplates = structure.nextTemplateID(movedBy: 0)
        active = structure.allTargets
        for target in 0..<number {
            layers[target] = structure.targets[target].spatialID << 3 | structure.targets[target].temporalID & 7
        }
        for index in 0..<structure.templates.count where structure.templates[index].hasInterPictureDependency {
            let indications = structure.templates[index].indications
            var present: UInt32 = 0
            for target in 0..<number where indications.contains(target) { present |= 1 << UInt32(target) }
            for target in 0..<number where indications[target] == .switching { sources[target] |= present }
        }
    }
}

extension FrameHistory {
    /// Takes in what a packet with a dependency descriptor says.
    /// - Parameters:
    ///   - descriptor: understood (``VideoPayload/DependencyDescriptor/resolution``).
    ///   - dependencies: what read it.
    /// - Returns: the number of its frame; `nil` when that lies too far back to be known.
    public mutating func note(
        _ descriptor: DependencyDescriptor, by dependencies: borrowing DependencyHistory
    ) -> UInt32? {
        guard descriptor.resolution == .resolved else { return nil }
        begin(.described)
        if targets.generation != dependencies.generation, descriptor.generation == dependencies.generation {
            targets.note(dependencies.newest, generation: dependencies.generation)
        }
        targets.active = dependencies.activeTargets
        return note(Sighting(descriptor))
    }
}

extension FrameHistory.Glance {
    /// The decode target with the highest layers, spatial before temporal, that is within what is wanted and that the
    /// stream sends. Where none is, the first.
    func decodeTarget(for wanted: LayerTarget) -> UInt8 {
        var best: UInt8 = 0
        var bestLayers = -1
        let active = targets.pointee.active
        for target in 0..<targets.pointee.count where active & 1 << UInt32(target) != 0 {
            let layers = targets.pointee.layers[Int(target)]
            if layers >> 3 <= wanted.spatial, layers & 7 <= wanted.temporal, Int(layers) > bestLayers {
                (best, bestLayers) = (target, Int(layers))
            }
        }
        return best
    }

    /// The spatial layer of a decode target.
    func spatialLayer(ofTarget target: UInt8) -> UInt8 { targets.pointee.layers[Int(target & 31)] >> 3 }

    /// Whether some frame, not of a key picture, carries a receiver of `current` over to `target`.
    func canSwitch(from current: UInt8, to target: UInt8) -> Bool {
        targets.pointee.sources[Int(target & 31)] & 1 << UInt32(current & 31) != 0
    }

    /// The decode targets of which `target` has everything.
    func targets(within target: UInt8) -> UInt32 {
        let own = targets.pointee.layers[Int(target & 31)]
        var mask: UInt32 = 0
        for index in 0..<targets.pointee.count {
            let other = targets.pointee.layers[Int(index)]
            if other >> 3 <= own >> 3, other & 7 <= own & 7 { mask |= 1 << UInt32(index) }
        }
        return mask
    }
}

extension FrameHistory.Sighting {
    /// What a packet with a dependency descriptor says.
    init(_ descriptor: DependencyDescriptor) {
        self.init(
            pictureID: descriptor.frameNumber, isLong: true, temporal: descriptor.temporalID,
            isStart: descriptor.isStartOfFrame, isEnd: descriptor.isEndOfFrame,
            isKeyframe: descriptor.hasStructure && descriptor.isStartOfFrame)
        kind = .described
        spatial = min(descriptor.spatialID, 3)
    }
}
