// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
internal import Primitives
internal import ShardMessages

/// What the directory remembers of an endpoint.
struct EndpointRecord: Sendable {
    let number: EndpointNumber
    let id: String
    let statsID: String?
    let isVisitor: Bool
    /// A data channel was asked for.
    var usesSCTP: Bool
    /// In the addresses of its WebSockets. Never logged.
    let password: String
    /// It is told candidates with private addresses even where others are not (`private-address-connectivity`).
    let reachesPrivateAddresses: Bool
    let createdAt: Timestamp
    /// When its handshake was done.
    var securedAt: Timestamp?
}

/// What the directory remembers of a conference.
struct ConferenceRecord: Sendable {
    let number: ConferenceNumber
    let meetingID: String
    let name: String?
    /// Random hexadecimal text that names the conference on this bridge, in paths and `/debug`.
    let localID: String
    let audioSSRC: UInt32
    let videoSSRC: UInt32
    let createdAt: Timestamp
    /// Its data may go to rtcstats.
    let isRTCStatsEnabled: Bool
    /// The worker has it.
    var isPlaced = false
    /// The worker said that it is gone, or its end was asked for: the id is free, nothing new gets in.
    var isClosed = false
    /// The worker said that it is gone.
    var isGone = false
    var endpoints: [String: EndpointRecord] = [:]
    var connects: [String: ConnectModify] = [:]
    var queue = Queue<PendingRequest>()
    var outstanding: OutstandingRequest?

    /// Something that happened here, with what log lines call the meeting and the endpoint.
    func event(_ kind: DirectoryEvent.Kind, endpointID: String? = nil) -> DirectoryEvent {
        DirectoryEvent(
            kind, meetingID: meetingID, name: name, endpointID: endpointID,
            statsID: endpointID.flatMap { endpoints[$0]?.statsID })
    }

    /// The bridge's feedback sources, the same in every answer (control-plane.md 3.7).
    var feedbackSources: [MediaSourceDescription] {
        [(MediaKind.audio, "jvb-a0", audioSSRC), (.video, "jvb-v0", videoSSRC)].map { kind, name, ssrc in
            var source = MediaSourceDescription(kind: kind, id: name)
            source.ssrcs = [SSRCDescription(ssrc: ssrc, name: name)]
            return source
        }
    }
}
