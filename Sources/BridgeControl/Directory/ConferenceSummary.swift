// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A conference as `/debug` shows it.
public struct ConferenceSummary: Hashable, Sendable {
    /// Its name on this bridge.
    public var localID: String
    /// Its meeting id.
    public var meetingID: String
    /// Its room.
    public var name: String?
    /// Its data may go to rtcstats.
    public var isRTCStatsEnabled: Bool
    /// Ids of its endpoints with their readable names, sorted by id.
    public var endpoints: [(id: String, statsID: String?)] {
        get { ids.map { ($0.key, $0.value.isEmpty ? nil : $0.value) }.sorted { $0.0 < $1.0 } }
    }
    private var ids: [String: String]

    init(
        localID: String, meetingID: String, name: String?, isRTCStatsEnabled: Bool, endpoints: [String: String]
    ) {
        self.localID = localID
        self.meetingID = meetingID
        self.name = name
        self.isRTCStatsEnabled = isRTCStatsEnabled
        ids = endpoints
    }
}
