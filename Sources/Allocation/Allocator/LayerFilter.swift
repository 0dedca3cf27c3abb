// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Which layers of a source are candidates for a receiver (media-plane.md 9.3), as far as a layer can be judged by
/// itself.
struct LayerFilter {
    /// The highest that the receiver wants; `.max` for no limit.
    private let maxHeight: Int32
    /// The most frames that the receiver wants: at least the fewest that there are.
    private let maxFrameRate: Int32
    /// Below this height any frame rate will do.
    private let preferredHeight: Int32
    /// From there on it must be this, if it is known.
    private let leastFrameRate: Int32
    /// Layers of this height fit in any case; negative for none.
    private let fallbackHeight: Int32
    /// Up to this height a source on stage is served first.
    let firstServed: Int32

    /// For a camera: up to the preferred height any frame rate, above it only the full one, so that a picture gets
    /// larger only when it is fluent. The smallest layers fit in any case.
    ///
    /// Otherwise than in the original, the limit on the height also holds below the preferred one, where it admitted
    /// 320 lines to who had asked for 200, and the one on the frame rate holds at all.
    init(
        camera wish: SourceWish, _ survey: LayerSurvey, _ layers: Span<VideoLayer>, _ range: Range<Int>,
        _ settings: AllocationSettings
    ) {
        maxHeight = wish.maxHeight < 0 ? .max : wish.maxHeight
        maxFrameRate = Self.limit(wish, survey)
        fallbackHeight = survey.smallest
        guard maxHeight > AllocationLimits.thumbnailHeight else {
            preferredHeight = .max
            leastFrameRate = 0
            firstServed = survey.smallest
            return
        }
        preferredHeight = settings.preferredHeight
        firstServed = max(preferredHeight, survey.smallest)
        var fastest: Int32 = 0
        for position in range {
            let rate = layers[position].frameRate.thousandths
            if rate <= maxFrameRate { fastest = max(fastest, rate) }
        }
        leastFrameRate = min(settings.preferredFrameRate.thousandths, fastest)
    }

    /// For a screen: every layer that is not too high.
    init(screen wish: SourceWish, _ survey: LayerSurvey) {
        maxHeight = wish.maxHeight < 0 ? .max : wish.maxHeight
        maxFrameRate = Self.limit(wish, survey)
        preferredHeight = .max
        leastFrameRate = 0
        fallbackHeight = -1
        firstServed = .max
    }

    private static func limit(_ wish: SourceWish, _ survey: LayerSurvey) -> Int32 {
        guard wish.maxFrameRate.isKnown else { return .max }
        let rate = wish.maxFrameRate.thousandths
        let (limit, isOver) = rate.addingReportingOverflow(rate / AllocationLimits.frameRateTolerance)
        return isOver ? .max : max(limit, survey.lowestFrameRate.thousandths)
    }

    /// Whether a layer is a candidate.
    func admits(_ layer: VideoLayer) -> Bool {
        let height = layer.knownHeight
        // What is not known is negative here, and fits.
        let frameRate = layer.frameRate.thousandths
        guard frameRate <= maxFrameRate else { return false }
        if height == fallbackHeight { return true }
        return height <= maxHeight
            && (height < preferredHeight || frameRate < 0 || frameRate >= leastFrameRate)
    }
}
