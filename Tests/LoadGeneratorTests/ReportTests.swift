// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import LoadGenerator

/// What is printed and written at the end.
@Suite("Report")
struct ReportTests {
    private func result(
        connected: Int = 3, channel: LoadOptions.Channel = .none, load: Double = 0.1, problems: [String] = [],
        _ change: (inout LoopStatistics) -> Void = { _ in }
    ) -> LoadResult {
        var statistics = LoopStatistics()
        statistics.streams = 12
        statistics.received = 100
        change(&statistics)
        var options = LoadOptions()
        options.channel = channel
        return LoadResult(
            options: options, statistics: statistics, hasBegun: true, connected: connected, openChannels: 3,
            joinSeconds: 0.5,
            callSeconds: 10, measuredPackets: 100, bridge: nil, problems: problems, generatorLoad: load)
    }

    /// Every counter of the statistics, each with a value of its own.
    private let counters: [(WritableKeyPath<LoopStatistics, UInt64>, String)] = [
        (\.received, "received"), (\.sent, "sent"), (\.verified, "verified"), (\.altered, "altered"),
        (\.misdelivered, "misdelivered"), (\.unknown, "unknown"), (\.retransmissions, "retransmissions"),
        (\.paddingOnly, "padding_only"), (\.senderReports, "sender_reports"), (\.receiverReports, "receiver_reports"),
        (\.keyframeRequests, "keyframe_requests"), (\.nacks, "nacks"), (\.transportFeedback, "transport_feedback"),
        (\.malformed, "malformed"), (\.keyframesSent, "keyframes_sent"), (\.streams, "streams"),
        (\.expected, "expected"), (\.lost, "lost"), (\.duplicates, "duplicates"), (\.reordered, "reordered"),
    ]

    @Test("the JSON has every figure of the table")
    func figures() throws {
        let result = result {
            for (index, counter) in counters.enumerated() { $0[keyPath: counter.0] = UInt64(710_000 + index) }
            $0.videoTransit.note(1_000)
        }
        for (index, counter) in counters.enumerated() {
            let value = 710_000 + index
            #expect(result.table.contains("\(value)"), "\(counter.1) is not in the table")
            #expect(result.json[counter.1]?.integerValue == Int64(value), "\(counter.1)")
        }
    }

    @Test("a bridge channel has figures of its own in both forms; without one nothing is said of it")
    func channel() throws {
        let counters: [(WritableKeyPath<ChannelStatistics, UInt64>, String, isInTable: Bool)] = [
            (\.opened, "opened", false), (\.hellos, "server_hellos", false), (\.received, "received", false),
            (\.malformed, "malformed", true), (\.lateHellos, "late_hellos", true),
            (\.changesExpected, "speaker_changes_expected", true), (\.changesTold, "speaker_changes_told", true),
            (\.wrongSpeakers, "wrong_speakers", true), (\.sentToAll, "messages_to_all", true),
            (\.sentToOne, "messages_to_one", true), (\.messagesExpected, "messages_expected", true),
            (\.messagesArrived, "messages_arrived", true), (\.messagesDoubled, "messages_duplicated", true),
            (\.messagesAltered, "messages_altered", true), (\.messagesMisdelivered, "messages_misdelivered", true),
            (\.statsSent, "endpoint_stats_sent", true), (\.statsReceived, "endpoint_stats_received", true),
            (\.statsExpected, "endpoint_stats_expected", false), (\.statsWrong, "endpoint_stats_wrong", true),
            (\.connectionStats, "connection_stats", false), (\.forwardedSources, "forwarded_sources", false),
            (\.senderConstraints, "sender_constraints", false), (\.unreachable, "told_unreachable", true),
        ]
        let result = result(channel: .sctp) {
            for (index, counter) in counters.enumerated() { $0.channel[keyPath: counter.0] = UInt64(810_000 + index) }
            $0.channel.messageTransit.note(2_000_000)
            $0.channel.speakerChange.note(700_000_000)
            $0.channel.open.note(9_000_000)
        }
        let json = try #require(result.json["bridge_channel"])
        for (index, counter) in counters.enumerated() {
            #expect(json[counter.1]?.integerValue == Int64(810_000 + index), "\(counter.1)")
            if counter.isInTable { #expect(result.table.contains("\(810_000 + index)"), "\(counter.1)") }
        }
        #expect(json["carrier"]?.stringValue == "sctp" && json["open"]?.integerValue == 3)
        #expect(json["speaker_change_us"]?["max"]?.doubleValue == 700_000)
        #expect(result.table.contains(#/change told after +700\.00 ms \/ 700\.00 ms \/ 700\.00 ms/#), "\(result.table)")
        #expect(result.table.contains(#/bridge channels open +3 of 3 \(sctp\)/#), "\(result.table)")
        let without = self.result()
        #expect(without.json["bridge_channel"] == nil && !without.table.contains("channel"))
    }

    @Test("a channel that was not opened is a flaw")
    func missingChannel() {
        var result = result(channel: .websocket)
        result.openChannels = 1
        #expect(result.imperfections == ["2 of 3 bridge channels not open"])
    }

    @Test("times of the JSON are microseconds, those of the table milliseconds")
    func times() {
        let result = result { statistics in
            for value in 1...1_000 as ClosedRange<Int64> { statistics.audioTransit.note(value * 1_000) }
        }
        let transit = result.json["audio_transit_us"]
        #expect(transit?["count"]?.integerValue == 1_000 && transit?["max"]?.doubleValue == 1_000)
        for (name, wanted) in [("p50", 500.0), ("p99", 990), ("p999", 999)] {
            let found = transit?[name]?.doubleValue ?? 0
            #expect(found >= wanted && found <= wanted * 1.035, "\(name): \(found)")
        }
        #expect(
            result.table.contains(#/audio transit +0\.5\d ms \/ 1\.0\d ms \/ 1\.00 ms \/ 1\.00 ms/#), "\(result.table)")
    }

    @Test("a call without a flaw is perfect, reordering by the network included")
    func perfect() {
        let result = result { $0.reordered = 3 }
        #expect(result.isPerfect && result.table.hasSuffix("PERFECT\n") && result.bottleneck == nil)
    }

    @Test("each flaw is named")
    func flaws() {
        let flaws: [(WritableKeyPath<LoopStatistics, UInt64>, String)] = [
            (\.lost, "7 packets lost"), (\.altered, "7 packets altered"), (\.duplicates, "7 packets duplicated"),
            (\.misdelivered, "7 packets delivered to the wrong receiver"),
            (\.malformed, "7 datagrams of no known kind"), (\.silentStreams, "7 streams never seen by a receiver"),
        ]
        for (counter, line) in flaws {
            let result = result { $0[keyPath: counter] = 7 }
            #expect(result.imperfections == [line])
            #expect(result.table.hasSuffix("NOT PERFECT:\n  \(line)\n"))
        }
    }

    @Test("missing participants, silence and broken signalling are no perfect call either")
    func absence() {
        #expect(result(connected: 2).imperfections == ["1 of 3 not connected"])
        #expect(result { $0.received = 0 }.imperfections == ["nothing received"])
        #expect(result(problems: ["interrupted"]).imperfections == ["interrupted"])
    }

    @Test("the generator says when it was the bottleneck: busy, reading or sending too slowly, late")
    func bottleneck() {
        #expect(result(load: 0.9).bottleneck == "its busiest thread worked 90 % of the time")
        #expect(result { $0.kernelDrops = 5 }.bottleneck == "it read too slowly: the kernel dropped 5")
        #expect(result { $0.sendDrops = 6 }.bottleneck == "it could not send 6 packets")
        let late = result { statistics in
            for _ in 0..<95 { statistics.lag.note(1_000_000) }
            for _ in 0..<5 { statistics.lag.note(9_000_000) }
        }
        #expect(late.bottleneck == "it sent late: 9 ms at the 99th percentile")
        #expect(late.table.contains("NOTE: the generator was the bottleneck: it sent late"))
        #expect(late.json["generator_bottleneck"]?.stringValue == late.bottleneck)
        #expect(result().json["generator_bottleneck"] == .null)
    }
}
