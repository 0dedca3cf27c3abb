// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension SettingsLoader {
    func channel() throws(ConfigurationError) -> BridgeSettings.Channel {
        .init(
            hasSCTP: reader.boolean("videobridge.sctp.enabled"),
            maximumDataChannels: reader.integer("videobridge.sctp.max-channels"),
            connectionStatsInterval: reader.boolean("videobridge.connection-stats.enabled")
                ? reader.duration("videobridge.connection-stats.interval") : nil,
            statsFilterThreshold: reader.integer("videobridge.stats-filter-threshold"),
            announcesVersion: reader.boolean("videobridge.version.announce"),
            initialBandwidth: UInt64(max(0, reader.integer("jmt.bwe.estimator.initial-bw"))),
            defaultMaxHeight: reader.integer("videobridge.cc.default-max-height-px"),
            initialMaxHeight: reader.integer("videobridge.cc.initial-max-height-px"),
            initialLastN: reader.integer("videobridge.cc.initial-last-n"),
            bridgeLastN: reader.integer("videobridge.cc.jvb-last-n"),
            conferenceLastNLimits: try conferenceLastNLimits())
    }

    /// A block whose names are sizes of conferences.
    private func conferenceLastNLimits() throws(ConfigurationError) -> [(size: Int, lastN: Int)] {
        let path = "videobridge.load-management.conference-last-n-limits"
        guard let node = reader.node(path) else { return [] }
        guard let object = node.object else {
            throw ConfigurationError(at: node.location, "\(path) must be a map of integers, not \(node.kindName)")
        }
        var limits: [(size: Int, lastN: Int)] = []
        for (name, value) in object.fields {
            guard let size = Int(name), size >= 0, let lastN = value.text.flatMap({ SettingTextReader.integer($0) }),
                lastN >= -1
            else {
                throw ConfigurationError(
                    at: value.location, "\(path) must be a map of integers: sizes of conferences and their last-N")
            }
            limits.append((size, lastN))
        }
        return limits.sorted { $0.size < $1.size }
    }
}
