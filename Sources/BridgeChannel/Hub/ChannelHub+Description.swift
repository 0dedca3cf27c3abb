// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import ShardMessages

// What `/debug` shows.

extension ChannelHub {
    /// An endpoint's channel and wishes; `nil` when it is not there.
    public func description(of number: EndpointNumber) -> JSONValue? {
        guard let endpoint = endpoints[number] else { return nil }
        let transport: JSONValue =
            switch endpoint.transport {
            case .webSocket: .string("websocket")
            case .dataChannel: .string("sctp")
            case nil: .null
            }
        return .object([
            ("transport", transport), ("data_channel", .bool(endpoint.dataChannel != nil)),
            ("websocket", .bool(endpoint.webSocket != nil)), ("behind", .bool(endpoint.isBehind)),
            ("active", .bool(endpoint.isActive)), ("audio", endpoint.preferences.audio.description),
            ("video", endpoint.preferences.video.description),
            ("video_types", .object(endpoint.videoTypes.map { ($0.source, .string($0.type.rawValue)) })),
            ("forwarded_sources", .array(endpoint.forwarded.map { .string($0) })),
            (
                "sender_constraints",
                .object(endpoint.sources.map { ($0.name, .integer(Int64($0.maxHeight))) })
            ),
        ])
    }
}

extension AudioSubscription {
    fileprivate var description: JSONValue {
        .object([
            ("all", .bool(all)), ("include", .array(include.map { .string($0) })),
            ("exclude", .array(exclude.map { .string($0) })),
        ])
    }
}

extension VideoConstraints {
    fileprivate var description: JSONValue {
        .object([
            ("last_n", .integer(Int64(lastN))),
            ("selected_sources", .array(selectedSources.map { .string($0) })),
            ("on_stage_sources", .array(onStageSources.map { .string($0) })),
            ("default_constraints", defaultConstraint.json),
            ("constraints", .object(constraints.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })),
            ("assumed_bandwidth_bps", .integer(assumedBandwidth)),
        ])
    }
}
