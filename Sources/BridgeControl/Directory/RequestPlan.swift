// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
internal import Primitives
internal import ShardMessages

/// What a request comes to, once it has been found valid: nothing has happened yet.
///
/// The worker gets `operations` as one request, all or nothing; the directory's own tables follow when it said yes.
struct RequestPlan: Sendable {
    var operations: [ShardOperation] = []
    var answer = ConferenceModified()
    var created: [EndpointRecord] = []
    var removed: [EndpointRecord] = []
    /// Endpoints that were there already and now have a data channel, too.
    var withNewDataChannel: [EndpointRecord] = []
    /// Endpoints whose ICE is to be restarted.
    var restarted: [EndpointRecord] = []
    /// What the bridge channels' side is told when it is done; removals and the conference itself aside.
    var channelChanges: [ChannelChange] = []
    /// The media exports as they will be.
    var connects: [String: ConnectModify] = [:]
    /// How the conference ends with this request, if it does.
    var end: DirectoryEvent.ConferenceEnd?
    /// Unknown endpoints are passed over (control-plane.md 3.9).
    var isLenient = false
    var events: [DirectoryEvent] = []
}
