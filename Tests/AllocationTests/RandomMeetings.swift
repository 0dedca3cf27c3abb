// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import Allocation

extension Meeting {
    /// A meeting as it may come.
    /// - Parameter isHostile: with layers and wishes that make no sense.
    convenience init(_ random: inout Random, isHostile: Bool = false) {
        self.init()
        for _ in 0..<random.int(in: 1...8) {
            let kind: VideoSource.Kind = random.int(in: 0...2) == 0 ? .desktop : .camera
            if isHostile {
                add(layers: Self.nonsense(&random), kind: kind, owner: UInt32(random.int(in: 0...3)))
            } else {
                add(layers: Self.layers(&random), kind: kind)
            }
        }
        for place in sources.indices {
            sources[place].isEnabled = random.int(in: 0...9) > 0
            guard isHostile else { continue }
            sources[place].key = UInt64(random.int(in: 0...2))
            sources[place].speakerPlace = UInt32(random.int(in: 0...2))
            if random.int(in: 0...5) == 0 { sources[place].firstLayer = .max }
            if random.int(in: 0...5) == 0 { sources[place].layerCount = .max }
        }
        for _ in 0..<random.int(in: 0...3) {
            name(
                random.int(in: 0...sources.count - 1), maxHeight: Self.heights.randomElement(using: &random) ?? 0,
                isOnStage: random.int(in: 0...1) == 0)
            if isHostile { wishes[wishes.count - 1].source = UInt32(random.int(in: 0...40)) }
        }
        demand.defaultWish = SourceWish(
            maxHeight: Self.heights.randomElement(using: &random) ?? 0,
            maxFrameRate: random.int(in: 0...2) == 0 ? FrameRate(perSecond: random.fraction() * 40) : .unlimited)
        demand.lastN = Int32(random.int(in: -1...6))
    }

    private static let heights: [Int32] = [-1, 0, 1, 90, 180, 200, 360, 720, 1_080, .max, .min]

    /// Simulcast or spatial layers of one encoding, their costs as it happens, some of them silent.
    private static func layers(_ random: inout Random) -> [VideoLayer] {
        let isSimulcast = random.int(in: 0...1) == 0
        var layers: [VideoLayer] = []
        for spatial in 0..<random.int(in: 1...3) {
            let isSilent = random.int(in: 0...4) == 0
            for temporal in 0..<random.int(in: 1...3) {
                let index =
                    isSimulcast
                    ? LayerIndex(encoding: spatial, spatial: 0, temporal: temporal)
                    : LayerIndex(encoding: 0, spatial: spatial, temporal: temporal)
                let frameRate = FrameRate(perSecond: 7.5 * Double(1 << temporal))
                let bitrate = UInt64(random.int(in: 10...400)) * 1_000 * UInt64(1 + 4 * spatial) * UInt64(1 + temporal)
                layers.append(
                    VideoLayer(
                        index, height: random.int(in: 0...9) == 0 ? -1 : 180 << Int32(spatial),
                        frameRate: random.int(in: 0...9) == 0 ? .unknown : frameRate,
                        bitrate: isSilent ? 0 : bitrate))
            }
        }
        return layers
    }

    /// Anything at all.
    private static func nonsense(_ random: inout Random) -> [VideoLayer] {
        let numbers: [UInt64] = [0, 1, 1_000, 1 << 31, 1 << 63, .max, 999_999_999_999, 1_000_000_000_001]
        return (0..<random.int(in: 0...120)).map { _ in
            VideoLayer(
                LayerIndex(rawValue: Int16(truncatingIfNeeded: random.next())),
                height: [-1, 0, 1, 180, .max, .min, Int32(truncatingIfNeeded: random.next())]
                    .randomElement(using: &random) ?? 0,
                frameRate: FrameRate(thousandths: Int32(truncatingIfNeeded: random.next())),
                bitrate: random.int(in: 0...1) == 0
                    ? UInt64(random.int(in: 0...3_000_000)) : numbers.randomElement(using: &random) ?? 0,
                announcedBitrate: random.int(in: 0...1) == 0 ? nil : numbers.randomElement(using: &random))
        }
    }
}
