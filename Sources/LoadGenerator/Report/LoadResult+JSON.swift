// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension LoadResult {
    /// The result for machines; times in microseconds.
    var json: JSONValue {
        let s = statistics
        func number(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }
        func times(_ histogram: LatencyHistogram) -> JSONValue {
            .object([
                ("count", number(histogram.count)),
                ("p50", .number(Double(histogram.quantile(0.5)) / 1e3)),
                ("p99", .number(Double(histogram.quantile(0.99)) / 1e3)),
                ("p999", .number(Double(histogram.quantile(0.999)) / 1e3)),
                ("max", .number(Double(histogram.maximum) / 1e3)),
            ])
        }
        var members: [(String, JSONValue)] = [
            ("perfect", .bool(isPerfect)),
            ("imperfections", .array(imperfections.map { .string($0) })),
            ("conferences", .integer(Int64(options.conferences))),
            ("participants_per_conference", .integer(Int64(options.participants))),
            ("interleaved", .bool(options.isInterleaved)), ("tick_ms", .integer(Int64(options.tickMilliseconds))),
            ("connected", .integer(Int64(connected))),
            ("join_seconds", .number(joinSeconds)),
            ("call_seconds", .number(callSeconds)),
            ("streams", number(s.streams)),
            ("sent", number(s.sent)), ("sent_bytes", number(s.sentBytes)), ("received", number(s.received)),
            ("received_per_second", .number(callSeconds > 0 ? Double(measuredPackets) / callSeconds : 0)),
            ("received_bytes", number(s.receivedBytes)),
            ("expected", number(s.expected)), ("lost", number(s.lost)),
            ("duplicates", number(s.duplicates)), ("reordered", number(s.reordered)),
            ("renumbered", number(s.renumbered)),
            ("verified", number(s.verified)), ("altered", number(s.altered)),
            ("misdelivered", number(s.misdelivered)), ("silent_streams", number(s.silentStreams)),
            ("unknown", number(s.unknown)), ("retransmissions", number(s.retransmissions)),
            ("padding_only", number(s.paddingOnly)), ("malformed", number(s.malformed)),
            ("keyframes_sent", number(s.keyframesSent)), ("keyframe_requests", number(s.keyframeRequests)),
            ("audio_transit_us", times(s.audioTransit)), ("video_transit_us", times(s.videoTransit)),
            ("join_us", times(s.join)), ("first_keyframe_us", times(s.firstKeyframe)),
            ("sender_reports", number(s.senderReports)), ("receiver_reports", number(s.receiverReports)),
            ("transport_feedback", number(s.transportFeedback)), ("nacks", number(s.nacks)),
            ("generator_load", .number(generatorLoad)),
            ("generator_lag_us", times(s.lag)),
            ("generator_kernel_drops", number(s.kernelDrops)), ("generator_send_drops", number(s.sendDrops)),
            ("generator_bottleneck", bottleneck.map { .string($0) } ?? .null),
        ]
        if let bridge {
            members.append(
                (
                    "bridge",
                    .object([
                        ("cpu_seconds", .number(Double(bridge.processorNanoseconds) / 1e9)),
                        ("cpu_us_per_packet", bridgeMicrosecondsPerPacket.map { .number($0) } ?? .null),
                        ("rss_bytes", .integer(bridge.residentBytes)),
                        ("rss_bytes_before", .integer(bridge.residentBytesBefore)),
                    ])
                ))
        }
        return .object(members)
    }
}
