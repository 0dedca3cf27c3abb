// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
internal import Telemetry

/// The map that feeds `/colibri/stats` and presence (operations.md d.1): names and types of the original, in the order
/// of its presence. Keys that would have no meaning yet are left out; counts of what the bridge cannot do are 0.
public struct StatisticsDocument: Hashable, Sendable {
    /// Keys with their values.
    public let entries: [JSONMember]

    /// The keys told to the focus when the filter is on and nothing else is configured.
    public static let defaultWhitelist: Set<String> = [
        "average_participant_stress", "colibri2", "current_timestamp", "drain", "graceful_shutdown", "healthy",
        "region", "relay_id", "release", "shutting_down", "stress_level", "version",
    ]

    /// The document of a moment.
    public init(_ snapshot: StatisticsSnapshot) {
        var builder = Builder(snapshot: snapshot)
        builder.addLossAndRates()
        builder.addConferencesAndEndpoints()
        builder.addTotals()
        builder.addState()
        entries = builder.entries
    }

    /// The body of `/colibri/stats`.
    public var json: JSONValue { .object(entries) }

    /// Names and values as text, for presence.
    ///
    /// - Parameter whitelist: when given, only these keys.
    public func texts(whitelist: Set<String>? = nil) -> [(name: String, value: String)] {
        entries.compactMap { entry in
            if let whitelist, !whitelist.contains(entry.name) { return nil }
            return switch entry.value {
            case .bool(let value): (entry.name, value ? "true" : "false")
            case .integer(let value): (entry.name, String(value))
            case .number(let value): (entry.name, value.plainDecimal)
            case .string(let value): (entry.name, value)
            case .null, .array, .object: nil
            }
        }
    }
}

/// Collects the entries, group by group.
private struct Builder {
    let snapshot: StatisticsSnapshot
    var entries: [JSONMember] = []

    private mutating func add(_ name: String, _ value: JSONValue) {
        entries.append(JSONMember(name: name, value: value))
    }

    private mutating func add(_ name: String, _ value: Int) { add(name, .integer(Int64(value))) }
    private mutating func add(_ name: String, _ value: UInt64) { add(name, .integer(Int64(clamping: value))) }
    private mutating func add(_ name: String, _ value: Double) { add(name, .number(value.isFinite ? value : 0)) }
    private mutating func add(_ name: String, _ value: Bool) { add(name, .bool(value)) }
    private mutating func add(_ name: String, _ value: String?) { if let value { add(name, .string(value)) } }
    private mutating func add(_ name: String, _ counter: MediaCounter) { add(name, snapshot.media[counter]) }

    private func share(_ part: UInt64, of whole: UInt64) -> Double {
        whole == 0 ? 0 : min(1, Double(part) / Double(whole))
    }

    mutating func addLossAndRates() {
        let media = snapshot.media
        let lost = (media[.packetsLostIncoming], media[.packetsLostOutgoing])
        let expected = (media[.packetsExpectedIncoming], media[.packetsExpectedOutgoing])
        add("incoming_loss", share(lost.0, of: expected.0))
        add("outgoing_loss", share(lost.1, of: expected.1))
        add("overall_loss", share(lost.0 &+ lost.1, of: expected.0 &+ expected.1))
        add("endpoints_with_high_outgoing_loss", .endpointsWithHighOutgoingLoss)
        add("local_active_endpoints", UInt64(max(0, endpoints - inactive)))
        add("bit_rate_download", snapshot.rates.incomingBitrate / 1_000)
        add("bit_rate_upload", snapshot.rates.outgoingBitrate / 1_000)
        add("packet_rate_download", snapshot.rates.incomingPacketRate)
        add("packet_rate_upload", snapshot.rates.outgoingPacketRate)
        let samples = media[.roundTripSamples]
        add("rtt_aggregate", samples == 0 ? 0 : Double(media[.roundTripMicrosecondsSum]) / 1_000 / Double(samples))
    }

    private var endpoints: Int { snapshot.directory.endpoints }
    private var inactive: Int { Int(clamping: snapshot.media[.endpointsInactive]) }

    mutating func addConferencesAndEndpoints() {
        add("octo_conferences", 0)
        add("inactive_conferences", .conferencesInactive)
        add("p2p_conferences", .conferencesP2P)
        add("endpoints", endpoints)
        add("participants", endpoints)
        add("receive_only_endpoints", .endpointsReceiveOnly)
        add("inactive_endpoints", .endpointsInactive)
        add("octo_endpoints", 0)
        add("endpoints_sending_audio", .endpointsSendingAudio)
        add("endpoints_sending_video", .endpointsSendingVideo)
        add("largest_conference", snapshot.directory.largestConference)
        for name in [
            "octo_receive_bitrate", "octo_receive_packet_rate", "octo_send_bitrate", "octo_send_packet_rate",
            "endpoints_with_suspended_sources",
        ] { add(name, 0) }
    }

    mutating func addTotals() {
        let counts = snapshot.directory
        add("total_conferences_created", counts.totalConferencesCreated)
        add("total_conferences_completed", counts.totalConferencesCompleted)
        add("total_conference_seconds", counts.totalConferenceSeconds)
        add("total_participants", counts.totalEndpoints)
        add("total_visitors", counts.totalVisitors)
        add("num_eps_no_msg_transport_after_delay", snapshot.channels.endpointsWithoutChannel)
        add("total_relays", 0)
        add("num_relays_no_msg_transport_after_delay", 0)
        add("total_keyframes_received", .keyframesReceived)
        add("stress_level", max(0, snapshot.stress))
        add("conferences", counts.conferences)
        add("visitors", counts.visitors)
        add("local_endpoints", counts.endpoints)
        let channels = snapshot.channels
        add("total_data_channel_messages_received", channels.dataChannelMessagesReceived)
        add("total_data_channel_messages_sent", channels.dataChannelMessagesSent)
        add("total_colibri_web_socket_messages_received", channels.webSocketMessagesReceived)
        add("total_colibri_web_socket_messages_sent", channels.webSocketMessagesSent)
        add("total_bytes_received", .bytesReceived)
        add("endpoints_ice_failed", .iceFailed)
        add("dtls_failed_endpoints", .dtlsFailed)
        add("relays_ice_failed", 0)
        add("dtls_failed_relays", 0)
        add("total_bytes_sent", .bytesSent)
        add("total_packets_received", .packetsReceived)
        add("total_packets_sent", .packetsSent)
        for name in [
            "total_bytes_received_octo", "total_bytes_sent_octo", "total_packets_received_octo",
            "total_packets_sent_octo",
        ] { add(name, 0) }
        add("total_dominant_speaker_changes", .dominantSpeakerChanges)
        add("preemptive_kfr_sent", .keyframesAheadSent)
        add("preemptive_kfr_suppressed", .keyframesAheadSuppressed)
        add("total_ice_failed", .iceFailed)
        add("total_ice_succeeded", .iceSucceeded)
        add("total_ice_succeeded_relayed", .iceSucceededRelayed)
    }

    mutating func addState() {
        add("average_participant_stress", snapshot.averageParticipantStress)
        if let threads = snapshot.threads { add("threads", threads) }
        add("graceful_shutdown", snapshot.isGracefulShutdown)
        add("shutting_down", snapshot.isShuttingDown)
        add("drain", snapshot.isDraining)
        add("current_timestamp", CivilTime(nanoseconds: snapshot.wallClockNanoseconds).text)
        add("relay_id", snapshot.relayID)
        add("muc_clients_configured", snapshot.mucClientsConfigured)
        add("muc_clients_connected", snapshot.mucClientsConnected)
        add("mucs_configured", snapshot.mucsConfigured)
        add("mucs_joined", snapshot.mucsJoined)
        add("healthy", snapshot.isHealthy)
        add("endpoints_disconnected", .endpointsDisconnected)
        add("endpoints_reconnected", .endpointsReconnected)
        add("version", snapshot.version)
        add("release", snapshot.release)
        add("region", snapshot.region)
    }
}
