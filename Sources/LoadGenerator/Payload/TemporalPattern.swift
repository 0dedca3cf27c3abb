// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Which temporal layer each frame of an encoding belongs to, and what it needs: one layer alone, or the three of
/// libwebrtc, whose frames go 0 2 1 2 (media-plane.md 5.1).
struct TemporalPattern: Equatable, Sendable {
    /// What one frame is in the pattern.
    struct Place: Equatable, Sendable {
        /// The temporal layer.
        var temporal: UInt8
        /// Whether it needs the base layer alone: receivers may begin with its layer here.
        var isSync: Bool
        /// How many frames ago the newest one was that it needs; 0: none, a key frame.
        var reference: UInt8
        /// Its size, compared with the mean frame.
        var weight: Double

        /// A frame that nothing is known of: audio.
        static let base = Place(temporal: 0, isSync: false, reference: 0, weight: 1)
    }

    /// Temporal layers: 1 or 3.
    let layers: Int

    /// With three layers the rate is shared 40, 20 and 40 per cent.
    private static let three: [Place] = [
        Place(temporal: 0, isSync: false, reference: 4, weight: 1.6),
        Place(temporal: 2, isSync: true, reference: 1, weight: 0.8),
        Place(temporal: 1, isSync: true, reference: 2, weight: 0.8),
        Place(temporal: 2, isSync: false, reference: 1, weight: 0.8),
    ]

    /// The place of the frame that comes so many frames after a key frame (0: that one).
    func place(_ sinceKeyframe: Int) -> Place {
        guard sinceKeyframe > 0 else { return .base }
        guard layers == 3 else { return Place(temporal: 0, isSync: false, reference: 1, weight: 1) }
        return Self.three[sinceKeyframe & 3]
    }
}
