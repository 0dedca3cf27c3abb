// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import ShardMessages

extension ChannelMessage {
    /// The message as it goes over the wire, its members in the order and of the types that the recordings have.
    public func encoded() -> [UInt8] {
        switch self {
        case .endpointMessage(let message): message.text.bytes
        case .endpointStats(let text): text.bytes
        default: JSONValue.object([("colibriClass", .string(colibriClass))] + fields).serialized()
        }
    }

    private var fields: [(String, JSONValue)] {
        switch self {
        case .clientHello, .endpointMessage, .endpointStats: []
        case .serverHello(let version): version.map { [("version", .string($0))] } ?? []
        case .receiverVideoConstraints(let change): change.fields
        case .lastNChanged(let lastN): [("lastN", .integer(Int64(lastN)))]
        case .receiverAudioSubscription(let subscription):
            [
                ("all", .bool(subscription.all)), ("include", Self.names(subscription.include)),
                ("exclude", Self.names(subscription.exclude)),
            ]
        case .sourceVideoType(let source, let type, let endpoint):
            [("sourceName", .string(source)), ("videoType", .string(type.rawValue.uppercased()))]
                + (endpoint.map { [("endpointId", .string($0))] } ?? [])
        case .videoType(let type): [("videoType", .string(type.rawValue.uppercased()))]
        case .dominantSpeaker(let dominant, let previous, let isSilent):
            [
                ("dominantSpeakerEndpoint", .string(dominant)), ("previousSpeakers", Self.names(previous)),
                ("silence", .bool(isSilent)),
            ]
        case .connectivity(let endpoint, let isActive):
            [("endpoint", .string(endpoint)), ("active", .string(isActive ? "true" : "false"))]
        case .forwardedSources(let names): [("forwardedSources", Self.names(names))]
        case .videoSourcesMap(let mappings): [("mappedSources", .array(mappings.map(\.json)))]
        case .audioSourcesMap(let mappings): [("mappedSources", .array(mappings.map(\.json)))]
        case .senderSourceConstraints(let source, let maxHeight):
            [("sourceName", .string(source)), ("maxHeight", .integer(Int64(maxHeight)))]
        case .connectionStats(let bits):
            [("estimatedDownlinkBandwidth", .integer(Int64(clamping: bits)))]
        case .syntheticSourceSending(let source, let isSending, let timestamp):
            [("sourceName", .string(source)), ("sending", .bool(isSending)), ("timestamp", .integer(Int64(timestamp)))]
        case .addReceiver(let bridge, let source, let constraint):
            [
                ("bridgeId", .string(bridge)), ("sourceName", .string(source)),
                ("videoConstraints", constraint.json),
            ]
        case .removeReceiver(let bridge, let endpoint):
            [("bridgeId", .string(bridge)), ("endpointId", .string(endpoint))]
        }
    }

    fileprivate static func names(_ names: [String]) -> JSONValue { .array(names.map { .string($0) }) }
}

extension VideoConstraintsChange {
    fileprivate var fields: [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = []
        if let lastN { fields.append(("lastN", .integer(Int64(lastN)))) }
        if let selectedSources { fields.append(("selectedSources", ChannelMessage.names(selectedSources))) }
        if let onStageSources { fields.append(("onStageSources", ChannelMessage.names(onStageSources))) }
        if let defaultConstraint { fields.append(("defaultConstraints", defaultConstraint.json)) }
        if let constraints {
            let members = constraints.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }
            fields.append(("constraints", .object(members)))
        }
        if let assumedBandwidth { fields.append(("assumedBandwidthBps", .integer(assumedBandwidth))) }
        return fields
    }
}

extension VideoConstraint {
    /// As an object; both members are always there.
    var json: JSONValue {
        .object([("maxHeight", .integer(Int64(maxHeight))), ("maxFrameRate", .number(maxFrameRate))])
    }
}

extension VideoSourceMapping {
    fileprivate var json: JSONValue {
        let members: [(String, JSONValue)] = [
            ("source", .string(source)), ("owner", .string(owner)), ("ssrc", .integer(Int64(ssrc))),
            ("rtx", .integer(rtx.map { Int64($0) } ?? -1)), ("videoType", .string(videoType.rawValue.uppercased())),
        ]
        return .object(members + (mid.map { [("mid", .string($0))] } ?? []))
    }
}

extension AudioSourceMapping {
    fileprivate var json: JSONValue {
        let members: [(String, JSONValue)] = [
            ("source", .string(source)), ("owner", .string(owner)), ("ssrc", .integer(Int64(ssrc))),
        ]
        return .object(members + (mid.map { [("mid", .string($0))] } ?? []))
    }
}
