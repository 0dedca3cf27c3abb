// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import ShardMessages

/// What happens to an endpoint's bridge channel; the transport is `sctp` or `websocket`.
public enum ChannelNote: Hashable, Sendable {
    case opened(transport: String)
    case closed(transport: String)
    /// There is none although there was time enough.
    case missing
    /// The client does not read.
    case behind
}

extension Directory {
    /// The endpoints of a conference by their ids, in the order of the ids; empty when there is none of that name.
    public func members(localID: String) -> [(id: String, number: EndpointNumber)] {
        guard let number = localIDs[localID], let conference = conferences[number] else { return [] }
        return conference.endpoints.values.sorted { $0.id < $1.id }.map { ($0.id, $0.number) }
    }

    /// Notes for the log what happened to the bridge channel of an endpoint. One that is gone is passed over.
    public mutating func note(_ note: ChannelNote, about number: EndpointNumber, at now: Timestamp) {
        guard let place = endpoints[number], let conference = conferences[place.conference],
            let record = conference.endpoints[place.id]
        else { return }
        let kind: DirectoryEvent.Kind =
            switch note {
            case .opened("sctp"):
                .channelOpened(
                    transport: "sctp", milliseconds: (now - (record.securedAt ?? record.createdAt)).milliseconds)
            case .opened(let transport):
                .channelOpened(transport: transport, milliseconds: (now - record.createdAt).milliseconds)
            case .closed(let transport): .channelClosed(transport: transport)
            case .missing: .channelMissing
            case .behind: .channelBehind
            }
        self.note(conference.event(kind, endpointID: place.id))
    }
}
