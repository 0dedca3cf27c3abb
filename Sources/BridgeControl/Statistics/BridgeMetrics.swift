// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
public import Telemetry
public import XMPP

/// Everything `/metrics` shows (operations.md d.2): the original's families, all of them from the start, and our own.
///
/// Families of features that do not exist yet stay at zero, so that queries and dashboards find them.
public struct BridgeMetrics: Sendable {
    /// What the statistics document is made of.
    public var snapshot: StatisticsSnapshot
    /// Endpoints of each present conference.
    public var conferenceSizes: [Int] = []
    /// Wall clock at the process's start, milliseconds since 1970, UTC.
    public var startedMilliseconds: Int64 = 0
    /// Share of the processors that the hypervisor took; `nil` before the second sample.
    public var steal: Double?
    /// What all XMPP connections since the start have counted.
    public var xmpp = XMPPCounters()
    /// Name of the engine that encrypts and decrypts media.
    public var srtpEngine: String?
    /// Process gauges, `nil` when they are switched off.
    public var process: ProcessGauges?

    /// What the kernel says about the process.
    public struct ProcessGauges: Sendable {
        /// Open file descriptors.
        public var openFiles: Int
        /// Resident memory in bytes.
        public var residentBytes: Int64
        /// Private writable memory in bytes, resident or not.
        public var dataBytes: Int64
        /// Processor time in seconds.
        public var processorSeconds: Double

        /// Gauges at one moment.
        public init(openFiles: Int, residentBytes: Int64, dataBytes: Int64, processorSeconds: Double) {
            self.openFiles = openFiles
            self.residentBytes = residentBytes
            self.dataBytes = dataBytes
            self.processorSeconds = processorSeconds
        }
    }

    /// Metrics of a moment.
    public init(_ snapshot: StatisticsSnapshot) {
        self.snapshot = snapshot
    }

    /// The document.
    public var document: MetricsDocument {
        MetricsDocument(
            metrics: state + conferences + endpoints + traffic + relays + transport + channels + queues + processGauges
                + own,
            createdSeconds: Double(startedMilliseconds) / 1_000)
    }

    private func gauge(_ name: String, _ help: String, _ value: Int) -> Metric {
        Metric(name, help, .gauge(Int64(value)))
    }

    private func gauge(_ name: String, _ help: String, _ value: UInt64) -> Metric {
        Metric(name, help, .gauge(Int64(clamping: value)))
    }

    private func counter(_ name: String, _ help: String, _ value: UInt64 = 0) -> Metric {
        Metric(name, help, .counter(value))
    }

    private func share(_ part: UInt64, _ whole: UInt64) -> Double {
        whole == 0 ? 0 : min(1, Double(part) / Double(whole))
    }

    private var state: [Metric] {
        var result = [
            Metric("healthy", "Last health result.", .flag(snapshot.isHealthy)),
            Metric("drain_mode", "Drain flag.", .flag(snapshot.isDraining)),
            Metric("graceful_shutdown", "Graceful shutdown was requested.", .flag(snapshot.isGracefulShutdown)),
            Metric("shutting_down", "The final phase has begun.", .flag(snapshot.isShuttingDown)),
            Metric("stress", "Load divided by its threshold.", .number(max(0, snapshot.stress))),
            Metric("startup_time", "Start of the process, milliseconds since 1970.", .gauge(startedMilliseconds)),
        ]
        if let steal { result.append(Metric("cpu_steal", "Processor share taken by the hypervisor.", .number(steal))) }
        if let region = snapshot.region {
            result.append(Metric("region", "Region of this bridge.", .info(label: "region", text: region)))
        }
        return result
    }

    private var conferences: [Metric] {
        let counts = snapshot.directory
        let bounds = (0...20).map(Double.init)
        let empty = HistogramSnapshot(bounds: bounds)
        return [
            gauge("conferences", "Conferences now.", counts.conferences),
            gauge("conferences_inactive", "Conferences in which nobody sends.", snapshot.media[.conferencesInactive]),
            gauge("conferences_p2p", "Inactive conferences of two.", snapshot.media[.conferencesP2P]),
            gauge("conferences_with_relay", "Conferences spread over bridges.", 0),
            gauge("largest_conference", "Endpoints of the largest conference.", counts.largestConference),
            counter("conferences_created", "Conferences made.", counts.totalConferencesCreated),
            counter("conferences_completed", "Conferences that ended.", counts.totalConferencesCompleted),
            counter("conference_seconds", "Seconds of ended conferences.", counts.totalConferenceSeconds),
            Metric(
                "conferences_by_size", "Present conferences by number of endpoints.",
                .histogram(HistogramSnapshot(bounds: bounds, values: conferenceSizes.map(Double.init)))),
            Metric("conferences_by_audio_sender", "Present conferences by audio senders.", .histogram(empty)),
            Metric("conferences_by_video_sender", "Present conferences by video senders.", .histogram(empty)),
        ]
    }

    private var endpoints: [Metric] {
        let counts = snapshot.directory
        let media = snapshot.media
        let active = Int64(counts.endpoints) - Int64(clamping: media[.endpointsInactive])
        return [
            counter("endpoints", "Endpoints made.", counts.totalEndpoints),
            counter("visitors", "Visitors made.", counts.totalVisitors),
            gauge("current_endpoints", "Endpoints now, relayed ones included.", counts.endpoints),
            gauge("local_endpoints", "Endpoints of this bridge.", counts.endpoints),
            gauge("current_visitors", "Visitors now.", counts.visitors),
            Metric("active_endpoints", "Endpoints of active conferences.", .gauge(max(0, active))),
            gauge("endpoints_inactive", "Endpoints of inactive conferences.", media[.endpointsInactive]),
            gauge("endpoints_recvonly", "Endpoints that only receive.", media[.endpointsReceiveOnly]),
            gauge("endpoints_relayed", "Endpoints of other bridges.", 0),
            gauge("endpoints_sending_audio", "Endpoints sending audio.", media[.endpointsSendingAudio]),
            gauge("endpoints_sending_video", "Endpoints sending video.", media[.endpointsSendingVideo]),
            gauge("endpoints_oversending", "Endpoints sent more than the estimate.", 0),
            gauge("endpoints_with_suspended_sources", "Endpoints short of bandwidth.", 0),
            gauge(
                "endpoints_with_high_outgoing_loss", "Endpoints that lose over 10 %.",
                media[.endpointsWithHighOutgoingLoss]),
            gauge("endpoints_with_spurious_remb", "Endpoints with REMB beside transport-cc.", 0),
            counter("endpoints_disconnected", "Endpoints that fell silent.", media[.endpointsDisconnected]),
            counter("endpoints_reconnected", "Endpoints that came back.", media[.endpointsReconnected]),
            counter(
                "endpoints_no_message_transport_after_delay", "Endpoints without a bridge channel.",
                snapshot.channels.endpointsWithoutChannel),
            counter("endpoints_ice_failed", "Endpoints whose ICE failed.", media[.iceFailed]),
            counter("endpoints_dtls_failed", "Endpoints whose DTLS failed.", media[.dtlsFailed]),
        ]
    }

    private var traffic: [Metric] {
        let media = snapshot.media
        let lost = (media[.packetsLostIncoming], media[.packetsLostOutgoing])
        let expected = (media[.packetsExpectedIncoming], media[.packetsExpectedOutgoing])
        let samples = media[.roundTripSamples]
        let rtt = samples == 0 ? 0 : Double(media[.roundTripMicrosecondsSum]) / 1_000 / Double(samples)
        return [
            gauge("incoming_bitrate", "Received bits per second.", snapshot.rates.incomingBitrate),
            gauge("outgoing_bitrate", "Sent bits per second.", snapshot.rates.outgoingBitrate),
            gauge("incoming_packet_rate", "Received packets per second.", snapshot.rates.incomingPacketRate),
            gauge("outgoing_packet_rate", "Sent packets per second.", snapshot.rates.outgoingPacketRate),
            counter("bytes_received", "RTP and RTCP bytes received.", media[.bytesReceived]),
            counter("bytes_sent", "RTP and RTCP bytes sent.", media[.bytesSent]),
            counter("packets_received", "RTP and RTCP packets received.", media[.packetsReceived]),
            counter("packets_sent", "RTP and RTCP packets sent.", media[.packetsSent]),
            Metric("incoming_loss_fraction", "Loss on the way in.", .number(share(lost.0, expected.0))),
            Metric("outgoing_loss_fraction", "Loss on the way out.", .number(share(lost.1, expected.1))),
            Metric("loss_fraction", "Loss both ways.", .number(share(lost.0 &+ lost.1, expected.0 &+ expected.1))),
            Metric("average_rtt", "Mean round trip, milliseconds.", .number(rtt)),
            gauge("tcc_unmatched_feedback", "Feedback that matched no sent packet.", 0),
            counter("keyframes_received", "Key frames received.", media[.keyframesReceived]),
            counter("layering_changes_received", "Changes of received layers."),
            counter("video_milliseconds_received", "Received video, milliseconds."),
            counter(
                "preemptive_keyframe_requests_sent", "Key-frame requests ahead of a speaker change.",
                media[.keyframesAheadSent]),
            counter(
                "preemptive_keyframe_requests_suppressed", "Such requests that were left out.",
                media[.keyframesAheadSuppressed]),
            counter(
                "dominant_speaker_changes", "Changes of the dominant speaker.", media[.dominantSpeakerChanges]),
            Metric(
                "tossed_packets_energy", "Levels of audio packets that were not forwarded.",
                .histogram(HistogramSnapshot(bounds: [0] + stride(from: 7.0, through: 127, by: 8)))),
        ]
    }
}
