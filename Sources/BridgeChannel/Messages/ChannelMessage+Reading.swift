// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import ShardMessages

extension ChannelMessage {
    /// Reads a message leniently: members that are not known are passed over, those that may be missing may be `null`,
    /// numbers may be written as text. Refused is what nobody could make sense of, and what can be read in two ways.
    public init(_ bytes: [UInt8]) throws(BridgeChannelError) {
        let object = try MessageObject(bytes)
        guard object.member("colibriClass") != nil else { throw .noClass }
        guard let name = try object.value("colibriClass")?.stringValue else { throw .noClass }
        let fields = MessageFields(object)
        if let message = try Self.ofClients(name, fields) {
            self = message
        } else if let message = try Self.ofBridges(name, fields) {
            self = message
        } else {
            throw .unknownClass
        }
    }

    /// What a client may say.
    private static func ofClients(
        _ name: String, _ fields: MessageFields
    ) throws(BridgeChannelError) -> ChannelMessage? {
        switch name {
        case "ClientHello": return .clientHello
        case "ReceiverVideoConstraints": return .receiverVideoConstraints(try fields.videoConstraints())
        case "LastNChangedEvent": return .lastNChanged(max(-1, try fields.needed(try fields.integer("lastN"))))
        case "ReceiverAudioSubscription": return .receiverAudioSubscription(try fields.audioSubscription())
        case "SourceVideoTypeMessage":
            return .sourceVideoType(
                source: try fields.name("sourceName"), type: try fields.videoType("videoType"),
                endpoint: try fields.text("endpointId"))
        case "VideoTypeMessage": return .videoType(try fields.videoType("videoType"))
        case "EndpointMessage":
            let to = try fields.needed(try fields.text("to"))
            return .endpointMessage(EndpointMessage(to: to, text: try RelayedText(fields.object)))
        case "EndpointStats": return .endpointStats(try RelayedText(fields.object))
        default: return nil
        }
    }

    /// What a bridge says to clients and to other bridges.
    private static func ofBridges(
        _ name: String, _ fields: MessageFields
    ) throws(BridgeChannelError) -> ChannelMessage? {
        switch name {
        case "ServerHello": return .serverHello(version: try fields.text("version"))
        case "DominantSpeakerEndpointChangeEvent":
            return .dominantSpeaker(
                dominant: try fields.name("dominantSpeakerEndpoint"),
                previous: try fields.names("previousSpeakers") ?? [], isSilent: try fields.flag("silence") ?? false)
        case "EndpointConnectivityStatusChangeEvent":
            return .connectivity(
                endpoint: try fields.name("endpoint"), isActive: try fields.needed(try fields.flag("active")))
        case "ForwardedSources":
            return .forwardedSources(try fields.needed(try fields.names("forwardedSources")))
        case "VideoSourcesMap": return .videoSourcesMap(try fields.videoMappings())
        case "AudioSourcesMap": return .audioSourcesMap(try fields.audioMappings())
        case "SenderSourceConstraints":
            return .senderSourceConstraints(
                source: try fields.name("sourceName"), maxHeight: try fields.needed(try fields.integer("maxHeight")))
        case "ConnectionStats":
            let bits: UInt64 = try fields.needed(try fields.integer("estimatedDownlinkBandwidth"))
            return .connectionStats(estimatedDownlinkBandwidth: bits)
        case "SyntheticSourceSendingChangeEvent":
            return .syntheticSourceSending(
                source: try fields.name("sourceName"), isSending: try fields.needed(try fields.flag("sending")),
                timestamp: try fields.needed(try fields.integer("timestamp")))
        case "AddReceiver":
            guard let constraint = try fields.constraint("videoConstraints") else { throw .missingField }
            return .addReceiver(
                bridge: try fields.name("bridgeId"), source: try fields.name("sourceName"), constraint)
        case "RemoveReceiver":
            return .removeReceiver(bridge: try fields.name("bridgeId"), endpoint: try fields.name("endpointId"))
        default: return nil
        }
    }
}
