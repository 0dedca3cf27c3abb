// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension SettingsLoader {
    func allocation() -> BridgeSettings.Allocation {
        let prefix = "videobridge.cc."
        return .init(
            changeThreshold: Int((reader.number(prefix + "bwe-change-threshold") * 1_000).rounded()),
            maxInterval: reader.duration(prefix + "max-time-between-calculations"),
            preferredHeight: reader.integer(prefix + "onstage-preferred-height-px"),
            preferredFrameRate: reader.number(prefix + "onstage-preferred-framerate"),
            allowsOversending: reader.boolean(prefix + "allow-oversend-onstage"),
            maxOversending: reader.integer(prefix + "max-oversend-bitrate"),
            trustsEstimates: reader.boolean(prefix + "trust-bwe"),
            ignorePeriod: reader.optionalDuration(prefix + "initial-ignore-bwe-period") ?? .zero,
            assumedLimit: reader.optionalInteger(prefix + "assumed-bandwidth-limit"),
            pictures: reader.integer("videobridge.ssrc-limit.video"),
            voices: reader.integer("videobridge.ssrc-limit.audio"),
            rates: (
                initial: reader.integer("jmt.bwe.estimator.initial-bw"),
                least: reader.integer("jmt.bwe.estimator.min-bw"), most: reader.integer("jmt.bwe.estimator.max-bw")
            ))
    }
}
