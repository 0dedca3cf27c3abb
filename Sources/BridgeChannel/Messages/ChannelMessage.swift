// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import ShardMessages

/// A message of the bridge channel: the whole catalogue of media-plane.md 11.6, in both directions and between bridges.
public enum ChannelMessage: Hashable, Sendable {
    /// A client asks whether somebody is there.
    case clientHello
    /// The bridge is there; its version where that is announced.
    case serverHello(version: String?)
    /// What a receiver asks of video, as far as it says so.
    case receiverVideoConstraints(VideoConstraintsChange)
    /// The older way to set last-N.
    case lastNChanged(Int32)
    /// Which audio a receiver wants.
    case receiverAudioSubscription(AudioSubscription)
    /// What a source shows; with its owner's id only between bridges.
    case sourceVideoType(source: String, type: VideoType, endpoint: String?)
    /// The older way to say what an endpoint's first video source shows.
    case videoType(VideoType)
    /// Something of the application's, for one endpoint or for all.
    case endpointMessage(EndpointMessage)
    /// A client's statistics, for the others.
    case endpointStats(RelayedText)
    /// Who speaks; `previous` are those before, the latest first, without the dominant one.
    case dominantSpeaker(dominant: String, previous: [String], isSilent: Bool)
    /// An endpoint is heard, or is not.
    case connectivity(endpoint: String, isActive: Bool)
    /// All video sources that a receiver gets.
    case forwardedSources([String])
    /// Which source a video SSRC stands for.
    case videoSourcesMap([VideoSourceMapping])
    /// Which source an audio SSRC stands for.
    case audioSourcesMap([AudioSourceMapping])
    /// What the receivers want of one of the client's sources; -1 is no limit.
    case senderSourceConstraints(source: String, maxHeight: Int32)
    /// What the client's downlink carries, in bits per second.
    case connectionStats(estimatedDownlinkBandwidth: UInt64)
    /// A synthetic source begins or ends, with an RTP time stamp of 48 kHz.
    case syntheticSourceSending(source: String, isSending: Bool, timestamp: UInt32)
    /// Between bridges: what the receivers behind one want of a source.
    case addReceiver(bridge: String, source: String, VideoConstraint)
    /// Between bridges; defined and never sent.
    case removeReceiver(bridge: String, endpoint: String)

    /// Its `colibriClass`.
    public var colibriClass: String {
        switch self {
        case .clientHello: "ClientHello"
        case .serverHello: "ServerHello"
        case .receiverVideoConstraints: "ReceiverVideoConstraints"
        case .lastNChanged: "LastNChangedEvent"
        case .receiverAudioSubscription: "ReceiverAudioSubscription"
        case .sourceVideoType: "SourceVideoTypeMessage"
        case .videoType: "VideoTypeMessage"
        case .endpointMessage: "EndpointMessage"
        case .endpointStats: "EndpointStats"
        case .dominantSpeaker: "DominantSpeakerEndpointChangeEvent"
        case .connectivity: "EndpointConnectivityStatusChangeEvent"
        case .forwardedSources: "ForwardedSources"
        case .videoSourcesMap: "VideoSourcesMap"
        case .audioSourcesMap: "AudioSourcesMap"
        case .senderSourceConstraints: "SenderSourceConstraints"
        case .connectionStats: "ConnectionStats"
        case .syntheticSourceSending: "SyntheticSourceSendingChangeEvent"
        case .addReceiver: "AddReceiver"
        case .removeReceiver: "RemoveReceiver"
        }
    }
}
