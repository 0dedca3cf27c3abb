// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Telemetry
import Testing
import XMPP

@Suite("Bridge metrics")
struct BridgeMetricsTests {
    private func lines(_ metrics: BridgeMetrics, _ format: MetricsFormat = .openMetrics) -> [Substring] {
        String(decoding: metrics.document.body(format), as: UTF8.self).split(separator: "\n")
    }

    /// operations.md d.2, without the families that appear only when configured.
    static let families = """
        healthy drain_mode graceful_shutdown shutting_down stress startup_time conferences conferences_inactive
        conferences_p2p conferences_with_relay largest_conference conferences_created_total conferences_completed_total
        conference_seconds_total conferences_by_size_count conferences_by_audio_sender_count
        conferences_by_video_sender_count endpoints_total visitors_total current_endpoints local_endpoints
        current_visitors active_endpoints endpoints_inactive endpoints_recvonly endpoints_relayed
        endpoints_sending_audio endpoints_sending_video endpoints_oversending endpoints_with_suspended_sources
        endpoints_with_high_outgoing_loss endpoints_with_spurious_remb endpoints_disconnected_total
        endpoints_reconnected_total endpoints_no_message_transport_after_delay_total incoming_bitrate outgoing_bitrate
        incoming_packet_rate outgoing_packet_rate bytes_received_total bytes_sent_total packets_received_total
        packets_sent_total incoming_loss_fraction outgoing_loss_fraction loss_fraction average_rtt
        tcc_unmatched_feedback relays_total relay_incoming_bitrate relay_outgoing_bitrate relay_incoming_packet_rate
        relay_outgoing_packet_rate relay_bytes_received_total relay_bytes_sent_total relay_packets_received_total
        relay_packets_sent_total relays_ice_failed_total relays_dtls_failed_total
        relays_no_message_transport_after_delay_total ice_succeeded_total ice_succeeded_relayed_total ice_failed_total
        ice_restarts_started_total ice_restarts_succeeded_total ice_restarts_failed_total
        ice_restarts_superseded_total ice_restarts_rejected_total ice_restarts_not_established_total
        ice_restarts_agent_creation_failed_total endpoints_ice_failed_total endpoints_dtls_failed_total
        keyframes_received_total layering_changes_received_total video_milliseconds_received_total
        preemptive_keyframe_requests_sent_total preemptive_keyframe_requests_suppressed_total
        dominant_speaker_changes_total tossed_packets_energy_count data_channel_messages_received_total
        data_channel_messages_sent_total rejected_data_channels_total colibri_web_socket_messages_received_total
        colibri_web_socket_messages_sent_total colibri_web_socket_close_normal_total
        colibri_web_socket_close_abnormal_total colibri_web_socket_error_total muc_clients_configured
        muc_clients_connected mucs_connected mucs_joined xmpp_disconnects_total queue_dropped_packets_total
        queue_exceptions_total rtp_receiver_dropped_packets_total rtp_receiver_exceptions_total
        rtp_sender_dropped_packets_total rtp_sender_exceptions_total srtp_send_queue_dropped_packets_total
        srtp_send_queue_exceptions_total relay_srtp_send_queue_dropped_packets_total
        relay_srtp_send_queue_exceptions_total relay_endpoint_srtp_send_queue_dropped_packets_total
        relay_endpoint_srtp_send_queue_exceptions_total colibri_queue_dropped_packets_total
        colibri_queue_exceptions_total endpoint_receive_message_queue_dropped_packets_total
        endpoint_receive_message_queue_exceptions_total exporter_starts_total exporter_packets_sent_total
        exporter_websocket_failures_total exporter_websocket_internal_errors_total
        exporter_transcripts_received_total exporter_media_events_received_total
        exporter_sending_changes_received_total exporter_info_received_total exporter_other_messages_received_total
        exporter_parse_failures_total
        """.split(whereSeparator: \.isWhitespace)

    @Test("every family of the original is there from the start", arguments: [MetricsFormat.openMetrics, .text])
    func families(_ format: MetricsFormat) {
        let samples = Set(
            lines(BridgeMetrics(StatisticsSnapshot()), format).filter { !$0.hasPrefix("#") }
                .map { $0.prefix { $0 != " " && $0 != "{" } })
        let missing = Self.families.filter { !samples.contains(Substring("jitsi_jvb_" + $0)) }
        #expect(missing.isEmpty)
        #expect(Self.families.count > 110)
    }

    @Test("no family stands twice")
    func unique() {
        let names = BridgeMetrics(StatisticsSnapshot()).document.metrics.map { $0.prefix + $0.name }
        #expect(Set(names).count == names.count)
    }

    @Test("counters that the documents name for operators are there from the start, and those of before are not")
    func ownCounters() {
        let samples = Set(lines(BridgeMetrics(StatisticsSnapshot())).map { $0.prefix { $0 != " " && $0 != "{" } })
        for name in [
            "dropped_too_long", "dropped_dtls", "dropped_unmatched_stun", "dropped_unwanted", "dropped_srtp_replay",
            "dropped_srtp_authentication", "dropped_unknown_ssrc", "dropped_waiting_for_keyframe", "dropped_batch_full",
            "dropped_event_ring", "dropped_log_events", "sources_refused_full", "sources_refused_foreign",
            "send_messages", "colibri_limit_refusals", "colibri_failed_requests", "xmpp_forbidden_requests",
            "xmpp_malformed_stanzas", "xmpp_resource_conflicts",
        ] {
            #expect(samples.contains("viaduct_\(name)_total"), "\(name)")
        }
        #expect(!samples.contains("viaduct_dropped_suspect_total"))
    }

    @Test("whatever a media worker counts reaches the operator, under a name of the original or of our own")
    func nothingIsKept() throws {
        // Sums and samples of which an average or a share is shown, and what the directory knows better.
        let parts: Set<MediaCounter> = [
            .roundTripMicrosecondsSum, .roundTripSamples, .packetsLostIncoming, .packetsExpectedIncoming,
            .packetsLostOutgoing, .packetsExpectedOutgoing, .endpoints, .conferences,
        ]
        let before = Set(lines(BridgeMetrics(StatisticsSnapshot())))
        for counter in MediaCounter.allCases where !parts.contains(counter) {
            var snapshot = StatisticsSnapshot()
            snapshot.media[counter] = 4_711
            let changed = Set(lines(BridgeMetrics(snapshot))).subtracting(before)
            #expect(changed.contains { $0.hasSuffix(" 4711") || $0.hasSuffix(" 4711.0") }, "\(counter)")
        }
    }

    @Test("values come from the snapshot")
    func values() {
        var snapshot = StatisticsSnapshot()
        snapshot.directory.conferences = 2
        snapshot.directory.totalEndpoints = 118
        snapshot.media[.droppedSRTPReplay] = 9
        snapshot.media[.packetsLostIncoming] = 1
        snapshot.media[.packetsExpectedIncoming] = 4
        snapshot.region = "eu"
        snapshot.threads = 5
        var metrics = BridgeMetrics(snapshot)
        metrics.conferenceSizes = [2, 3, 40]
        metrics.startedMilliseconds = 1_788_272_000_118
        metrics.steal = 0.5
        metrics.srtpEngine = "ipsec-mb"
        metrics.xmpp.disconnects = 2
        metrics.xmpp.forbiddenRequests = 3
        metrics.xmpp += metrics.xmpp
        metrics.snapshot.directory.totalFailedRequests = 7
        metrics.process = .init(openFiles: 12, residentBytes: 20_000_000, dataBytes: 1, processorSeconds: 3.9)
        let lines = lines(metrics)
        for expected in [
            "jitsi_jvb_conferences 2.0", "jitsi_jvb_endpoints_total 118.0",
            "jitsi_jvb_endpoints_created 1.788272000118E9", "viaduct_dropped_srtp_replay_total 9.0",
            "jitsi_jvb_incoming_loss_fraction 0.25", "jitsi_jvb_region_info{region=\"eu\"} 1.0",
            "jitsi_jvb_conferences_by_size_bucket{le=\"2.0\"} 1.0",
            "jitsi_jvb_conferences_by_size_bucket{le=\"20.0\"} 2.0",
            "jitsi_jvb_conferences_by_size_bucket{le=\"+Inf\"} 3.0", "jitsi_jvb_conferences_by_size_sum 45.0",
            "jitsi_jvb_startup_time 1.788272000118E12", "jitsi_jvb_cpu_steal 0.5", "jitsi_jvb_thread_count 5.0",
            "jitsi_jvb_jvm_open_fd_count 12.0", "jitsi_jvb_jvm_heap_used 2.0E7",
            "process_resident_memory_bytes 2.0E7", "process_cpu_seconds_total 3.0",
            "jitsi_jvb_tossed_packets_energy_bucket{le=\"127.0\"} 0.0", "jitsi_jvb_xmpp_disconnects_total 4.0",
            "viaduct_xmpp_forbidden_requests_total 6.0", "viaduct_colibri_failed_requests_total 7.0",
            "viaduct_srtp_engine_info{engine=\"ipsec-mb\"} 1.0",
        ] {
            #expect(lines.contains(Substring(expected)), "\(expected)")
        }
        #expect(lines.last == "# EOF")
    }
}
