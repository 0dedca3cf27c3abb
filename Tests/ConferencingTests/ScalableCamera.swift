// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import VideoPayload

/// A camera of VP9 with spatial and temporal layers in each of its encodings, as Chromium sends L3T3 and L3T3_KEY.
/// Which layer frame refers to which is written down, so that what came of them can be judged.
struct ScalableCamera {
    /// How spatial layers build on each other.
    enum Mode: CaseIterable {
        /// In each picture.
        case full
        /// In key pictures alone.
        case key
    }

    /// A layer frame.
    struct Name: Hashable {
        var encoding: Int
        var moment: Int
        var spatial: Int
    }

    /// What a layer frame is.
    struct Frame {
        var temporal: Int
        var references: [Name]
        var packets: Int
        var bases: Int
        var isKeyPicture: Bool
    }

    struct Packet {
        var ssrc: UInt32
        var sequence: UInt16
        var timestamp: UInt32
        var payload: [UInt8]
        var marker: Bool
    }

    let mode: Mode
    let ssrcs: [UInt32]
    var layers = 3
    var isFlexible = false
    var hasLongPictureIDs = true
    /// Whether key pictures tell how many layers there are, and how large.
    var hasStructure = true
    /// Bytes of each packet beside its header, by spatial layer.
    var bytes = [120, 480, 1_100, 1_100]
    private(set) var frames: [Name: Frame] = [:]
    private(set) var moment = -1
    private var sequences: [UInt16]
    private var sinceKey = 0
    private var bases = 250
    private let firstID = 0x7FF0

    init(_ mode: Mode, ssrcs: [UInt32]) {
        self.mode = mode
        self.ssrcs = ssrcs
        sequences = ssrcs.indices.map { UInt16(65_500 - $0 * 9_000) }
    }

    /// The next picture in all encodings.
    mutating func next(isKeyframe: Bool = false) -> [Packet] {
        moment += 1
        let isKey = isKeyframe || moment == 0
        sinceKey = isKey ? 0 : sinceKey + 1
        let temporal = [0, 2, 1, 2][sinceKey % 4]
        let back = [4, 1, 2, 1][sinceKey % 4]
        if temporal == 0 { bases += 1 }
        var result: [Packet] = []
        for encoding in ssrcs.indices {
            for spatial in 0..<layers {
                let name = Name(encoding: encoding, moment: moment, spatial: spatial)
                var frame = Frame(
                    temporal: temporal, references: [], packets: spatial + 1, bases: bases, isKeyPicture: isKey)
                let isBuilt = spatial > 0 && (isKey || mode == .full)
                if !isKey { frame.references.append(Name(encoding: encoding, moment: moment - back, spatial: spatial)) }
                if isBuilt { frame.references.append(Name(encoding: encoding, moment: moment, spatial: spatial - 1)) }
                frames[name] = frame
                for part in 0..<frame.packets { result.append(packet(part, of: name, frame, isBuilt: isBuilt)) }
            }
        }
        return result
    }

    private mutating func packet(_ part: Int, of name: Name, _ frame: Frame, isBuilt: Bool) -> Packet {
        sequences[name.encoding] &+= 1
        var descriptor = VP9Descriptor()
        descriptor.isInterPicturePredicted = !frame.isKeyPicture
        descriptor.isFlexible = isFlexible
        descriptor.isStartOfFrame = part == 0
        descriptor.isEndOfFrame = part == frame.packets - 1
        descriptor.isNotReferenceForUpperLayers =
            name.spatial == layers - 1 || mode == .key && !frame.isKeyPicture
        descriptor.hasLongPictureID = hasLongPictureIDs
        descriptor.pictureID = Int16((firstID + moment - name.encoding * 999) & (hasLongPictureIDs ? 0x7FFF : 0x7F))
        descriptor.temporalID = Int8(frame.temporal)
        descriptor.spatialID = Int8(name.spatial)
        descriptor.usesInterLayerDependency = isBuilt
        if isFlexible, !frame.isKeyPicture {
            descriptor.differenceCount = 1
            descriptor.differences[0] = UInt8(moment - (frame.references.first?.moment ?? moment))
        }
        if !isFlexible { descriptor.tl0PictureIndex = Int16((frame.bases + name.encoding) & 0xFF) }
        descriptor.hasScalabilityStructure =
            hasStructure && frame.isKeyPicture && name.spatial == 0 && part == 0
        let sizes = (0..<layers).map { (width: UInt16(320) << UInt16($0), height: UInt16(180) << UInt16($0)) }
        let head = BufferWriter.array(capacity: 100) { writer in
            descriptor.write(to: &writer)
            if descriptor.hasScalabilityStructure {
                VP9ScalabilityStructure.write(resolutions: sizes, group: [], to: &writer)
            }
        }
        let tail = [name.encoding, name.spatial, moment >> 8, moment & 255, part].map { UInt8($0) }
        let filler = [UInt8](repeating: 0, count: max(0, bytes[name.spatial] - head.count - tail.count))
        return Packet(
            ssrc: ssrcs[name.encoding], sequence: sequences[name.encoding],
            timestamp: UInt32.max - 90_000 &+ UInt32(moment) * 3_000 &+ UInt32(name.encoding) * 7_777,
            payload: head + filler + tail,
            marker: name.spatial == layers - 1 && part == frame.packets - 1)
    }
}
