// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Telemetry
internal import XMPP

/// Families that are zero so far, process gauges, and metrics that the original does not have.
extension BridgeMetrics {
    private func zeros(_ names: [(String, String)]) -> [Metric] {
        names.map { Metric($0.0, $0.1, .counter(0)) }
    }

    var relays: [Metric] {
        [
            ("relay_incoming_bitrate", "Bits per second from other bridges."),
            ("relay_outgoing_bitrate", "Bits per second to other bridges."),
            ("relay_incoming_packet_rate", "Packets per second from other bridges."),
            ("relay_outgoing_packet_rate", "Packets per second to other bridges."),
        ].map { Metric($0.0, $0.1, .gauge(0)) }
            + zeros([
                ("relays", "Relays made."),
                ("relay_bytes_received", "Bytes from other bridges."),
                ("relay_bytes_sent", "Bytes to other bridges."),
                ("relay_packets_received", "Packets from other bridges."),
                ("relay_packets_sent", "Packets to other bridges."),
                ("relays_ice_failed", "Relays whose ICE failed."),
                ("relays_dtls_failed", "Relays whose DTLS failed."),
                ("relays_no_message_transport_after_delay", "Relays without a bridge channel."),
            ])
    }

    var transport: [Metric] {
        let media = snapshot.media
        return [
            Metric("ice_succeeded", "ICE agents that connected.", .counter(media[.iceSucceeded])),
            Metric("ice_succeeded_relayed", "… over a relay.", .counter(media[.iceSucceededRelayed])),
            Metric("ice_failed", "ICE agents that failed.", .counter(media[.iceFailed])),
            Metric("ice_restarts_started", "ICE restarts begun.", .counter(media[.iceRestartsStarted])),
            Metric("ice_restarts_succeeded", "ICE restarts that worked.", .counter(media[.iceRestartsSucceeded])),
            Metric("ice_restarts_failed", "ICE restarts that failed.", .counter(media[.iceRestartsFailed])),
            Metric(
                "ice_restarts_superseded", "ICE restarts replaced by another.",
                .counter(media[.iceRestartsSuperseded])),
            Metric("ice_restarts_rejected", "ICE restarts refused.", .counter(media[.iceRestartsRejected])),
            Metric(
                "ice_restarts_not_established", "ICE restarts before a connection.",
                .counter(media[.iceRestartsNotEstablished])),
            Metric(
                "ice_restarts_agent_creation_failed", "ICE restarts without an agent.",
                .counter(media[.iceRestartsAgentCreationFailed])),
        ]
    }

    var channels: [Metric] {
        [
            Metric("muc_clients_configured", "XMPP clients known.", .gauge(Int64(snapshot.mucClientsConfigured))),
            Metric("muc_clients_connected", "XMPP clients logged in.", .gauge(Int64(snapshot.mucClientsConnected))),
            // Rooms that are configured, whatever the name says (operations.md Q9).
            Metric("mucs_connected", "Rooms configured.", .gauge(Int64(snapshot.mucsConfigured))),
            Metric("mucs_joined", "Rooms joined.", .gauge(Int64(snapshot.mucsJoined))),
            Metric("xmpp_disconnects", "XMPP connections lost.", .counter(xmpp.disconnects)),
        ] + messages.map { Metric($0.0, $0.1, .counter($0.2)) }
    }

    private var messages: [(String, String, UInt64)] {
        let channels = snapshot.channels
        return [
            (
                "data_channel_messages_received", "Messages over data channels, received.",
                channels.dataChannelMessagesReceived
            ),
            ("data_channel_messages_sent", "Messages over data channels, sent.", channels.dataChannelMessagesSent),
            ("rejected_data_channels", "Data channels refused.", channels.dataChannelsRejected),
            (
                "colibri_web_socket_messages_received", "Messages over WebSockets, received.",
                channels.webSocketMessagesReceived
            ),
            ("colibri_web_socket_messages_sent", "Messages over WebSockets, sent.", channels.webSocketMessagesSent),
            ("colibri_web_socket_close_normal", "WebSockets closed in order.", channels.webSocketsClosed),
            ("colibri_web_socket_close_abnormal", "WebSockets closed otherwise.", channels.webSocketsBroken),
            ("colibri_web_socket_error", "WebSocket errors.", channels.webSocketErrors),
        ]
    }

    var queues: [Metric] {
        let queues = [
            "queue", "rtp_receiver", "rtp_sender", "srtp_send_queue", "relay_srtp_send_queue",
            "relay_endpoint_srtp_send_queue", "colibri_queue", "endpoint_receive_message_queue",
        ]
        let exporter = [
            "starts", "packets_sent", "websocket_failures", "websocket_internal_errors", "transcripts_received",
            "media_events_received", "sending_changes_received", "info_received", "other_messages_received",
            "parse_failures",
        ]
        let media = snapshot.media
        let dropped = media[.droppedSendBuffer] &+ media[.droppedEventRing]
        return queues.flatMap { name in
            [
                Metric(
                    "\(name)_dropped_packets", "Dropped because a queue was full.",
                    .counter(name == "queue" ? dropped : name == "srtp_send_queue" ? media[.droppedSendBuffer] : 0)),
                Metric("\(name)_exceptions", "Failures while a queue was worked off.", .counter(0)),
            ]
        } + zeros(exporter.map { ("exporter_\($0)", "Media export.") })
    }

    var processGauges: [Metric] {
        var result: [Metric] = []
        if let threads = snapshot.threads {
            result.append(Metric("thread_count", "Threads of the process.", .gauge(Int64(threads))))
        }
        guard let process else { return result }
        return result + [
            Metric("jvm_open_fd_count", "Open file descriptors.", .gauge(Int64(process.openFiles))),
            Metric("jvm_heap_used", "Resident memory, bytes.", .gauge(process.residentBytes)),
            Metric("jvm_heap_committed", "Private memory, bytes.", .gauge(process.dataBytes)),
            Metric("open_fds", "Open file descriptors.", .gauge(Int64(process.openFiles)), prefix: "process_"),
            Metric("resident_memory_bytes", "Resident memory.", .gauge(process.residentBytes), prefix: "process_"),
            Metric(
                "start_time_seconds", "Start of the process.", .number(Double(startedMilliseconds) / 1_000),
                prefix: "process_"),
            Metric(
                "cpu_seconds", "Processor time, whole seconds.", .counter(UInt64(max(0, process.processorSeconds))),
                prefix: "process_"),
        ]
    }

    /// Every counter that has no twin in the original: of the media workers drops by reason, system calls, the loop; of
    /// signalling what was refused and what went wrong.
    var own: [Metric] {
        Self.ownNames.map { counter, name in
            Metric(name, "Media workers, added up.", .counter(snapshot.media[counter]), prefix: Metric.ownPrefix)
        }
            + (signalling + snapshot.channels.own).map {
                Metric($0.0, $0.1, .counter($0.2), prefix: Metric.ownPrefix)
            } + engine
    }

    private var engine: [Metric] {
        guard let srtpEngine else { return [] }
        return [
            Metric(
                "srtp_engine", "What encrypts and decrypts media.", .info(label: "engine", text: srtpEngine),
                prefix: Metric.ownPrefix)
        ]
    }

    private var signalling: [(String, String, UInt64)] {
        let counts = snapshot.directory
        return [
            ("xmpp_resumptions", "Sessions that went on in a new connection.", xmpp.resumptions),
            ("xmpp_nicknames_shared", "Times another session was seen under our nickname.", xmpp.nicknamesShared),
            ("xmpp_resource_conflicts", "Times another session had our resource.", xmpp.resourceConflicts),
            ("xmpp_room_departures", "Times a room was left or not entered.", xmpp.roomDepartures),
            ("xmpp_stanzas_received", "Stanzas received.", xmpp.stanzasReceived),
            ("xmpp_forbidden_requests", "Requests of senders outside the rooms.", xmpp.forbiddenRequests),
            ("xmpp_unknown_requests", "Requests nobody handles.", xmpp.unknownRequests),
            ("xmpp_malformed_stanzas", "Stanzas that could not be read.", xmpp.malformedStanzas),
            ("xmpp_dropped_answers", "Answers whose session had ended.", xmpp.droppedAnswers),
            ("xmpp_oversized_stanzas", "Stanzas too large to send.", xmpp.oversizedStanzas),
            ("colibri_requests", "Colibri2 requests.", counts.totalRequests),
            ("colibri_failed_requests", "Colibri2 requests answered with an error.", counts.totalFailedRequests),
            ("colibri_limit_refusals", "Those among them that a limit stood against.", counts.totalLimitRefusals),
            ("colibri_slow_requests", "Colibri2 requests that took over 100 ms.", counts.totalSlowRequests),
            ("dropped_log_events", "Events that did not reach the log.", counts.totalDroppedEvents),
        ]
    }

    private static let ownNames: [(MediaCounter, String)] =
        ([
            .rtpForwarded, .keyframeRequestsReceived, .keyframeRequestsSent, .keyframeRequestsThrottled,
            .keyframeRequestsRepeated, .keyframeRequestsUnknown, .sourcesRefusedFull, .sourcesRefusedForeign,
            .audioRecovered, .discardedEarly, .dtlsSucceeded, .endpointsExpired, .channelRecordsReceived,
            .channelRecordsSent, .nacksSent, .packetsAskedFor, .packetsAskedForAgain, .packetsRepaired,
            .packetsGivenUp, .repeatsReceived, .repeatsAskedFor, .nacksUnknown, .repeatsSent, .repeatsSentPlain,
            .repeatsIgnored, .repeatsNeverSent, .repeatsForgotten, .repeatsTooSoon, .repeatsExhausted, .repeatsMissed,
            .repeatsOverBudget, .repeatsQueueFull, .repairStoreOverwritten,
        ] + MediaCounter.allCases.filter { $0.rawValue >= MediaCounter.droppedUnknownSource.rawValue })
        .map { ($0, snakeCase("\($0)")) }

    /// `droppedSRTPReplay` becomes `dropped_srtp_replay`.
    static func snakeCase(_ name: String) -> String {
        var result = ""
        let letters = Array(name)
        for (index, letter) in letters.enumerated() {
            let startsWord =
                letter.isUppercase && index > 0
                && (!letters[index - 1].isUppercase || (index + 1 < letters.count && letters[index + 1].isLowercase))
            if startsWord { result += "_" }
            result += letter.lowercased()
        }
        return result
    }
}
