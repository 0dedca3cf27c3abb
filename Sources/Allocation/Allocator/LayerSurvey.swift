// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the layers of a source have in common, found in one pass.
struct LayerSurvey {
    /// The smallest height, 0 where one is not known.
    private(set) var smallest = Int32.max
    /// The smallest height of a layer that comes.
    private(set) var smallestActive = Int32.max
    /// The lowest frame rate that is known.
    private(set) var lowestFrameRate = FrameRate.unknown
    /// Something of the source comes.
    private(set) var isActive = false
    /// Every height is known: layers of different encodings can be compared.
    private(set) var hasHeights = true

    init(_ layers: Span<VideoLayer>, _ range: Range<Int>, isAnnounced: Bool) {
        for position in range {
            let layer = layers[position]
            let height = layer.knownHeight
            smallest = min(smallest, height)
            if height == 0 { hasHeights = false }
            if layer.cost(isAnnounced: isAnnounced) > 0 {
                isActive = true
                smallestActive = min(smallestActive, height)
            }
            if layer.frameRate.isKnown, !lowestFrameRate.isKnown || layer.frameRate < lowestFrameRate {
                lowestFrameRate = layer.frameRate
            }
        }
    }
}
