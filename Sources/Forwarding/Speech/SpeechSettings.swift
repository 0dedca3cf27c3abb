// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What the configuration says of speakers: `videobridge.speech-activity` and `videobridge.loudest`, with the
/// original's values.
public struct SpeechSettings: Sendable, BitwiseCopyable {
    /// `recent-speakers-count`: speakers before the dominant one that are told.
    public var recentSpeakers = 10
    /// `enable-silence-detection`.
    public var detectsSilence = false
    /// `silence-detection-timeout`.
    public var silenceTimeout = TimeDelta.seconds(3 as Int64)
    /// `route-loudest-only`.
    public var routesLoudestOnly = false
    /// `num-loudest`.
    public var loudest = 3
    /// `always-route-dominant`.
    public var alwaysRoutesDominant = true
    /// `energy-expire-time`: who was not heard for so long has no place in the ranking.
    public var energyLifetime = TimeDelta.milliseconds(150)
    /// `energy-alpha-pct`: how much the newest level counts, in percent.
    public var energyAlpha = 50

    /// The original's values.
    public init() {}
}
