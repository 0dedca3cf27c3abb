// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

// What the file says of sound.

extension SettingsLoader {
    func audio() -> BridgeSettings.Audio {
        let early = reader.integer("jmt.srtp.max-consecutive-packets-discarded-early")
        return .init(
            redundancyPolicy: reader.text("jmt.audio.red.policy"),
            redundancyDistance: reader.text("jmt.audio.red.distance") == "ONE" ? 1 : 2,
            isRedundancyForVoiceOnly: reader.boolean("jmt.audio.red.vad-only"),
            discardedEarly: early > 0 ? early : nil,
            discardsSilence: reader.boolean("jmt.audio.level.discard-silence"),
            forwardedSilencePackets: reader.integer("jmt.audio.level.forwarded-silence-packets-limit"))
    }

    func speech() -> BridgeSettings.Speech {
        .init(
            recentSpeakers: reader.integer("videobridge.speech-activity.recent-speakers-count"),
            detectsSilence: reader.boolean("videobridge.speech-activity.enable-silence-detection"),
            silenceTimeout: reader.duration("videobridge.speech-activity.silence-detection-timeout"),
            routesLoudestOnly: reader.boolean("videobridge.loudest.route-loudest-only"),
            loudest: reader.integer("videobridge.loudest.num-loudest"),
            alwaysRoutesDominant: reader.boolean("videobridge.loudest.always-route-dominant"),
            energyLifetime: reader.duration("videobridge.loudest.energy-expire-time"),
            energyAlpha: reader.integer("videobridge.loudest.energy-alpha-pct"))
    }
}
