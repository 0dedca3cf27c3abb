// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A layer that comes into question.
struct CandidateLayer: BitwiseCopyable {
    let index: LayerIndex
    let height: Int32
    let frameRate: FrameRate
    /// In bits per second; negative once a better one costs no more.
    var cost: Int64

    /// Whether it shows less than another one of its source.
    func isWorse(than other: CandidateLayer, byHeight: Bool) -> Bool {
        if byHeight, height != other.height { return height < other.height }
        if index.encoding != other.index.encoding { return index.encoding < other.index.encoding }
        if byHeight, frameRate != other.frameRate, frameRate.isKnown, other.frameRate.isKnown {
            return frameRate < other.frameRate
        }
        return index.rawValue < other.index.rawValue
    }
}
