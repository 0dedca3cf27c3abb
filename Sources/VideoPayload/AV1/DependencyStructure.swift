// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// How a stream's frames depend on each other: the template dependency structure (AV1 RTP specification, A.8.2).
///
/// Its tables are read for each packet, so they lie in memory of their own, are read in place and never copied.
public struct DependencyStructure: ~Copyable {
    /// The template id of the first template; the others follow, modulo 64.
    public internal(set) var templateIDOffset: UInt8 = 0
    /// The templates, 1…64, in the order of their layers.
    public internal(set) var templates = GrowableBuffer<DependencyTemplate>()
    /// The decode targets, 1…32.
    public internal(set) var targets = GrowableBuffer<DecodeTarget>()
    /// How many chains there are, at most one for each decode target.
    public internal(set) var chainCount = 0
    /// Whether sizes are told.
    public internal(set) var hasResolutions = false
    /// For each spatial layer its greatest width in pixels; 0 when untold.
    public internal(set) var widths = InlineArray<4, UInt32>(repeating: 0)
    /// For each spatial layer its greatest height in pixels; 0 when untold.
    public internal(set) var heights = InlineArray<4, UInt32>(repeating: 0)

    /// A structure to be filled.
    init() {}

    /// A structure of these parts; `nil` when the form cannot express it or a limit is passed.
    ///
    /// - Parameters:
    ///   - templateIDOffset: id of the first template, 0…63.
    ///   - templates: in the order of the wire: each has the layer of the one before, or the next temporal layer, or
    ///     temporal layer 0 of the next spatial one; the first has layer 0, 0.
    ///   - targetCount: how many decode targets there are.
    ///   - chainCount: how many chains there are.
    ///   - protectingChains: for each decode target its chain, or nothing where there are no chains.
    ///   - resolutions: for each spatial layer its size, 1…65,536, or nothing.
    public init?(
        templateIDOffset: UInt8, templates: [DependencyTemplate], targetCount: Int, chainCount: Int = 0,
        protectingChains: [UInt8] = [], resolutions: [(width: UInt32, height: UInt32)] = []
    ) {
        guard templateIDOffset < 64, (1...VideoPayloadLimits.dependencyTemplates).contains(templates.count),
            (1...VideoPayloadLimits.decodeTargets).contains(targetCount), (0...targetCount).contains(chainCount),
            protectingChains.count == (chainCount > 0 ? targetCount : 0),
            protectingChains.allSatisfy({ $0 < chainCount })
        else { return nil }
        self.templateIDOffset = templateIDOffset
        self.chainCount = chainCount
        for index in 0..<targetCount {
            var target = DecodeTarget()
            if chainCount > 0 { target.chain = protectingChains[index] }
            targets.append(target)
        }
        for template in templates {
            guard add(template) else { return nil }
        }
        if !resolutions.isEmpty {
            guard resolutions.count == spatialLayers else { return nil }
            hasResolutions = true
            for (layer, size) in resolutions.enumerated() {
                guard (1...65_536).contains(size.width), (1...65_536).contains(size.height) else { return nil }
                widths[layer] = size.width
                heights[layer] = size.height
            }
        }
        deriveTargetLayers()
    }

    /// Adds a template that a caller made.
    private mutating func add(_ template: DependencyTemplate) -> Bool {
        let (spatialID, temporalID) = (template.spatialID, template.temporalID)
        let isNext: Bool
        if templates.isEmpty {
            isNext = spatialID == 0 && temporalID == 0
        } else {
            let last = templates[templates.count - 1]
            isNext =
                spatialID == last.spatialID && (temporalID == last.temporalID || temporalID == last.temporalID + 1)
                || spatialID == last.spatialID + 1 && temporalID == 0
        }
        let chains = chainCount
        guard isNext, spatialID < VideoPayloadLimits.dependencySpatialLayers,
            temporalID < VideoPayloadLimits.dependencyTemporalLayers,
            template.indications.rawValue << UInt64(2 * targets.count) == 0,
            (0..<template.differences.count).allSatisfy({ (1...16).contains(template.differences[$0]) }),
            (0..<chains).allSatisfy({ template.chainDifferences[$0] < 16 })
        else { return false }
        templates.append(template)
        return true
    }

    /// A decode target has the highest layers of the templates that belong to it.
    mutating func deriveTargetLayers() {
        for target in 0..<targets.count {
            for index in 0..<templates.count where templates[index].indications.contains(target) {
                targets[target].spatialID = max(targets[target].spatialID, templates[index].spatialID)
                targets[target].temporalID = max(targets[target].temporalID, templates[index].temporalID)
            }
        }
    }

    /// How many spatial layers there are: the templates are in their order.
    public var spatialLayers: Int { templates.isEmpty ? 1 : Int(templates[templates.count - 1].spatialID) + 1 }

    /// All decode targets as a bit mask, the first in bit 0.
    public var allTargets: UInt32 { UInt32.max >> UInt32(32 - targets.count) }

    /// Where the template of this id stands in ``templates``; `nil` when the id belongs to another structure.
    public func templateIndex(ofID id: UInt8) -> Int? {
        let index = Int((id &+ 64 &- templateIDOffset) & 63)
        return index < templates.count ? index : nil
    }

    /// The decode targets of which `target` has everything: those of layers no higher than its own, as a bit mask.
    public func targets(within target: Int) -> UInt32 {
        guard target >= 0, target < targets.count else { return 0 }
        var mask: UInt32 = 0
        for index in 0..<targets.count
        where targets[index].spatialID <= targets[target].spatialID
            && targets[index].temporalID <= targets[target].temporalID
        {
            mask |= 1 << UInt32(index)
        }
        return mask
    }

    /// The smaller side of a decode target's picture, which is its height however the camera is held; 0 when untold.
    public func height(ofTarget target: Int) -> UInt32 {
        guard target >= 0, target < targets.count else { return 0 }
        let layer = Int(targets[target].spatialID)
        return min(widths[layer], heights[layer])
    }

    /// Whether some frame, not of a key picture, carries a receiver of `current` over to `target`. Where none does, the
    /// change needs a key frame.
    public func canSwitch(from current: Int, to target: Int) -> Bool {
        for index in 0..<templates.count where templates[index].hasInterPictureDependency {
            let indications = templates[index].indications
            if indications.contains(current), indications[target] == .switching { return true }
        }
        return false
    }

    /// How many templates a decode target's frames after the key picture have: those of its spatial layer and of its
    /// temporal one or a lower. Measured against the greatest such number, it says how often the target's frames come.
    public func interPictureTemplates(ofTarget target: Int) -> Int {
        guard target >= 0, target < targets.count else { return 0 }
        var count = 0
        for index in 0..<templates.count
        where templates[index].hasInterPictureDependency
            && templates[index].spatialID == targets[target].spatialID
            && templates[index].temporalID <= targets[target].temporalID
        {
            count += 1
        }
        return count
    }

    /// The first id after this structure's templates when each is moved by `delta`: where the next structure of the
    /// same outgoing stream may start.
    public func nextTemplateID(movedBy delta: UInt8) -> UInt8 {
        UInt8(truncatingIfNeeded: Int(templateIDOffset) + templates.count + Int(delta)) & 63
    }

    /// Whether both say the same.
    public func isSame(as other: borrowing DependencyStructure) -> Bool {
        guard templateIDOffset == other.templateIDOffset, templates.count == other.templates.count,
            targets.count == other.targets.count, chainCount == other.chainCount,
            hasResolutions == other.hasResolutions
        else { return false }
        for index in 0..<targets.count where targets[index] != other.targets[index] { return false }
        for index in 0..<templates.count
        where !templates[index].isSame(as: other.templates[index], chainCount: chainCount) {
            return false
        }
        for layer in 0..<VideoPayloadLimits.dependencySpatialLayers
        where widths[layer] != other.widths[layer] || heights[layer] != other.heights[layer] {
            return false
        }
        return true
    }
}
