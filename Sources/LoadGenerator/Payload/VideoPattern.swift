// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Sizes of video frames as an encoder at constant bit rate gives them: a key frame costs several ordinary ones, and
/// the frames after it pay it back.
struct VideoPattern {
    private let meanBytes: Double
    private var random: Random
    private var debt = 0.0

    /// A key frame is so many times as large as the mean frame.
    static let keyframeFactor = 5.0

    init(bitrate: Int, frameRate: Int, seed: UInt64) {
        meanBytes = Double(bitrate) / 8 / Double(frameRate)
        random = Random(seed: seed)
    }

    /// Bytes of the next frame.
    mutating func nextBytes(isKeyframe: Bool) -> Int {
        // Ordinary frames vary by a fifth.
        let wanted = isKeyframe ? meanBytes * Self.keyframeFactor : meanBytes * (0.8 + 0.4 * random.fraction())
        debt += wanted - meanBytes
        guard !isKeyframe else { return max(Int(wanted), 1) }
        let repaid = min(max(debt, 0), wanted * 0.3)
        debt -= repaid
        return max(Int(wanted - repaid), 1)
    }
}
