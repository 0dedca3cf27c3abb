// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension LoadResult {
    /// The result for machines; times in microseconds.
    var json: JSONValue {
        let s = statistics
        func number(_ value: UInt64) -> JSONValue { Self.number(value) }
        func times(_ histogram: LatencyHistogram) -> JSONValue { Self.times(histogram) }
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
        if options.judgesPictures { members += [("pictures", picturesJSON), ("repair", repairJSON)] }
        if options.channel != .none { members.append(("bridge_channel", channelJSON)) }
        return .object(members)
    }

    static func number(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }

    static func times(_ histogram: LatencyHistogram) -> JSONValue {
        .object([
            ("count", number(histogram.count)),
            ("p50", .number(Double(histogram.quantile(0.5)) / 1e3)),
            ("p99", .number(Double(histogram.quantile(0.99)) / 1e3)),
            ("p999", .number(Double(histogram.quantile(0.999)) / 1e3)),
            ("max", .number(Double(histogram.maximum) / 1e3)),
        ])
    }

    private var channelJSON: JSONValue {
        let c = statistics.channel
        return .object([
            ("carrier", .string(options.channel.rawValue)),
            ("open", .integer(Int64(openChannels))), ("opened", Self.number(c.opened)),
            ("server_hellos", Self.number(c.hellos)), ("open_us", Self.times(c.open)),
            ("received", Self.number(c.received)), ("malformed", Self.number(c.malformed)),
            ("late_hellos", Self.number(c.lateHellos)),
            ("speakers", .integer(Int64(options.turns))), ("turn_seconds", .number(options.turnSeconds)),
            ("speaker_changes_expected", Self.number(c.changesExpected)),
            ("speaker_changes_told", Self.number(c.changesTold)),
            ("wrong_speakers", Self.number(c.wrongSpeakers)), ("speaker_change_us", Self.times(c.speakerChange)),
            ("messages_to_all", Self.number(c.sentToAll)), ("messages_to_one", Self.number(c.sentToOne)),
            ("messages_expected", Self.number(c.messagesExpected)),
            ("messages_arrived", Self.number(c.messagesArrived)),
            ("messages_duplicated", Self.number(c.messagesDoubled)),
            ("messages_altered", Self.number(c.messagesAltered)),
            ("messages_misdelivered", Self.number(c.messagesMisdelivered)),
            ("message_transit_us", Self.times(c.messageTransit)),
            ("endpoint_stats_sent", Self.number(c.statsSent)),
            ("endpoint_stats_received", Self.number(c.statsReceived)),
            ("endpoint_stats_expected", Self.number(c.statsExpected)),
            ("endpoint_stats_wrong", Self.number(c.statsWrong)),
            ("connection_stats", Self.number(c.connectionStats)),
            ("forwarded_sources", Self.number(c.forwardedSources)),
            ("slot_maps", Self.number(c.slotMaps)),
            ("sender_constraints", Self.number(c.senderConstraints)),
            ("told_unreachable", Self.number(c.unreachable)),
        ])
    }
}
