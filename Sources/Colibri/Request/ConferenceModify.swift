// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A Colibri2 request: make, change or end a conference and its endpoints (control-plane.md 3.2).
public struct ConferenceModify: Hashable, Sendable {
    /// Key of the conference on the bridge, never blank. Opaque.
    public var meetingID: String
    /// Address of the room, sent with `create`. Not checked here.
    public var name: String?
    /// The conference must not exist and is made.
    public var isCreate = false
    /// The conference ends after this request.
    public var isExpire = false
    /// Whether the conference's figures may go to rtcstats.
    public var isRTCStatsEnabled = true
    /// Clients.
    public var endpoints: [EndpointModify] = []
    /// Other bridges.
    public var relays: [RelayModify] = []
    /// Media exports to change; `nil` when the element was absent.
    public var connects: [ConnectModify]?

    /// A request that changes nothing.
    public init(meetingID: String) { self.meetingID = meetingID }
}
