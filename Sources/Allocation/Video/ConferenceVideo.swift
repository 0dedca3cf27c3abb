// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// All video of a conference: what the allocation of each of its receivers reads.
///
/// Put together once when sources, speakers or layers change, not for each receiver. Sources in the order of
/// VideoSource/speakerPlace, then VideoSource/position, then VideoSource/key need no sorting.
public struct ConferenceVideo: ~Escapable {
    /// The sources.
    public let sources: Span<VideoSource>
    /// Their layers, those of a source side by side.
    public let layers: Span<VideoLayer>

    /// The video of a conference.
    @_lifetime(copy sources, copy layers)
    public init(sources: Span<VideoSource>, layers: Span<VideoLayer>) {
        self.sources = sources
        self.layers = layers
    }

    /// Where the layers of a source lie: no more of them than are there.
    func layers(of source: VideoSource) -> Range<Int> {
        let first = min(Int(source.firstLayer), layers.count)
        let count = min(Int(source.layerCount), AllocationLimits.layersPerSource, layers.count - first)
        return first..<first + count
    }
}
