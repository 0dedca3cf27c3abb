// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Primitives
import Telemetry
import TestSupport
import Testing
import XML

@Suite("Statistics")
struct StatisticsTests {
    private func value(_ name: String, _ snapshot: StatisticsSnapshot) -> JSONValue? {
        StatisticsDocument(snapshot).json[name]
    }

    /// Keys of the recorded presence that have no meaning yet, with what they wait for.
    private static let missing: [String: String] = [
        "tcc_unmatched_feedback": "transport-wide congestion control",
        "num_eps_oversending": "a bandwidth estimate",
        "total_layering_changes_received": "simulcast",
        "total_video_stream_milliseconds_received": "simulcast",
        "endpoints_with_spurious_remb": "transport-wide congestion control",
    ]

    @Test("names and order are those of the recorded presence, but for keys without a meaning yet")
    func recordedKeys() throws {
        let stanza = try #require(
            try Recording.load().stanzas.first { !$0.isToBridge && $0.element.name == "presence" }
        )
        let stats = try #require(stanza.element.child("stats", "http://jitsi.org/protocol/colibri"))
        let recorded = stats.elements.compactMap { $0["name"] }
        var snapshot = StatisticsSnapshot()
        snapshot.threads = 7
        snapshot.region = "r"
        snapshot.relayID = "id"
        let ours = StatisticsDocument(snapshot).entries.map(\.name)
        #expect(ours == recorded.filter { Self.missing[$0] == nil })
        #expect(Set(recorded).isSuperset(of: Self.missing.keys))
    }

    @Test("what Jicofo reads is always there; what is not configured is left out")
    func jicofoKeys() {
        let names = Set(StatisticsDocument(StatisticsSnapshot()).entries.map(\.name))
        #expect(
            names.isSuperset(of: [
                "stress_level", "average_participant_stress", "graceful_shutdown", "shutting_down", "drain", "version",
                "healthy", "current_timestamp",
            ])
        )
        #expect(names.isDisjoint(with: ["relay_id", "region", "release", "threads"]))
    }

    @Test("what the bridge channels count stands under the original's names, their own under ours")
    func channels() throws {
        var snapshot = StatisticsSnapshot()
        snapshot.channels.dataChannelMessagesReceived = 1
        snapshot.channels.dataChannelMessagesSent = 2
        snapshot.channels.webSocketMessagesReceived = 3
        snapshot.channels.webSocketMessagesSent = 4
        snapshot.channels.endpointsWithoutChannel = 5
        snapshot.channels.dataChannelsRejected = 6
        snapshot.channels.webSocketsClosed = 7
        snapshot.channels.webSocketsBroken = 8
        snapshot.channels.webSocketErrors = 9
        snapshot.channels.own = [("channel_messages_refused", "Messages that could not be read.", 10)]
        let keys = [
            "total_data_channel_messages_received", "total_data_channel_messages_sent",
            "total_colibri_web_socket_messages_received", "total_colibri_web_socket_messages_sent",
            "num_eps_no_msg_transport_after_delay",
        ]
        #expect(keys.map { value($0, snapshot) } == (1...5).map { .integer($0) })
        let text = String(decoding: BridgeMetrics(snapshot).document.body(.openMetrics), as: UTF8.self)
        for line in [
            "jitsi_jvb_data_channel_messages_received_total 1.0", "jitsi_jvb_data_channel_messages_sent_total 2.0",
            "jitsi_jvb_colibri_web_socket_messages_received_total 3.0",
            "jitsi_jvb_colibri_web_socket_messages_sent_total 4.0",
            "jitsi_jvb_endpoints_no_message_transport_after_delay_total 5.0",
            "jitsi_jvb_rejected_data_channels_total 6.0", "jitsi_jvb_colibri_web_socket_close_normal_total 7.0",
            "jitsi_jvb_colibri_web_socket_close_abnormal_total 8.0", "jitsi_jvb_colibri_web_socket_error_total 9.0",
            "viaduct_channel_messages_refused_total 10.0",
        ] { #expect(text.contains(line), "\(line)") }
    }

    @Test("values are computed as documented")
    func values() {
        var snapshot = StatisticsSnapshot()
        snapshot.media[.packetsLostIncoming] = 5
        snapshot.media[.packetsExpectedIncoming] = 100
        snapshot.media[.packetsLostOutgoing] = 15
        snapshot.media[.packetsExpectedOutgoing] = 100
        snapshot.media[.roundTripMicrosecondsSum] = 30_000
        snapshot.media[.roundTripSamples] = 4
        snapshot.media[.bytesReceived] = 1_000
        snapshot.media[.endpointsInactive] = 2
        snapshot.rates.incomingBitrate = 1_999
        snapshot.directory.endpoints = 5
        snapshot.directory.totalEndpoints = 9
        snapshot.stress = 0.26
        #expect(value("incoming_loss", snapshot) == .number(0.05))
        #expect(value("outgoing_loss", snapshot) == .number(0.15))
        #expect(value("overall_loss", snapshot) == .number(0.1))
        #expect(value("rtt_aggregate", snapshot) == .number(7.5))
        #expect(value("bit_rate_download", snapshot) == .integer(1))
        #expect(value("total_bytes_received", snapshot) == .integer(1_000))
        #expect(value("participants", snapshot) == .integer(5))
        #expect(value("endpoints", snapshot) == .integer(5))
        #expect(value("local_active_endpoints", snapshot) == .integer(3))
        #expect(value("total_participants", snapshot) == .integer(9))
        #expect(value("stress_level", snapshot) == .number(0.26))
    }

    @Test("presence has text in every locale: points, no exponents, no NaN, true and false")
    func texts() {
        var snapshot = StatisticsSnapshot()
        snapshot.stress = 0.00001234
        snapshot.averageParticipantStress = .nan
        snapshot.isDraining = true
        snapshot.media[.bytesSent] = .max
        let texts = Dictionary(uniqueKeysWithValues: StatisticsDocument(snapshot).texts().map { ($0.name, $0.value) })
        #expect(texts["stress_level"] == "0.00001234")
        #expect(texts["average_participant_stress"] == "0.0")
        #expect(texts["drain"] == "true")
        #expect(texts["healthy"] == "true")
        #expect(texts["total_bytes_sent"] == "9223372036854775807")
        #expect(texts["incoming_loss"] == "0.0")
        #expect(!texts.values.contains { $0.lowercased().contains("nan") || $0.contains(",") })
    }

    @Test("the filter leaves the whitelisted keys only, and skips keys the bridge never had")
    func whitelist() {
        var snapshot = StatisticsSnapshot()
        snapshot.release = "2026-09"
        let names = StatisticsDocument(snapshot).texts(whitelist: StatisticsDocument.defaultWhitelist).map(\.name)
        #expect(
            Set(names) == [
                "average_participant_stress", "current_timestamp", "drain", "graceful_shutdown", "healthy", "release",
                "shutting_down", "stress_level", "version",
            ]
        )
    }

    @Test("the stats element of a presence holds name and value of each entry")
    func presence() {
        let element = StatisticsDocument(StatisticsSnapshot()).presenceElement(whitelist: ["drain", "healthy"])
        #expect(
            element.serialized()
                == "<stats xmlns='http://jitsi.org/protocol/colibri'><stat name='drain' value='false'/>"
                + "<stat name='healthy' value='true'/></stats>"
        )
    }

    @Test("the counters of all workers add up, rates are their growth per second")
    func totals() {
        let blocks = [CounterBlock(), CounterBlock()]
        blocks[0].add(.packetsReceived, 10)
        blocks[1].add(.packetsReceived, 5)
        let before = MediaTotals(blocks)
        #expect(before[.packetsReceived] == 15)
        blocks[1].add(.packetsReceived, 50)
        blocks[0].add(.bytesReceived, 1_250)
        let after = MediaTotals(blocks)
        let rates = MediaRates(from: before, to: after, over: .seconds(Int64(5)))
        #expect(rates.incomingPacketRate == 10)
        #expect(rates.incomingBitrate == 2_000)
        #expect(rates.outgoingBitrate == 0)
        #expect(MediaRates(from: before, to: after, over: .zero) == MediaRates())
        #expect(MediaRates(from: after, to: before, over: .seconds(Int64(5))) == MediaRates())
    }

    @Test(
        "moments are dates in UTC",
        arguments: [
            (0, "1970-01-01 00:00:00.000"), (1_787_297_405_250_000_000, "2026-08-21 07:30:05.250"),
            (951_782_400_000_000_000, "2000-02-29 00:00:00.000"),
            (4_107_542_399_999_000_000, "2100-02-28 23:59:59.999"),
            (4_107_542_400_000_000_000, "2100-03-01 00:00:00.000"), (-1, "1969-12-31 23:59:59.999"),
            (1_735_689_599_999_999_999, "2024-12-31 23:59:59.999"),
        ] as [(Int64, String)]
    )
    func civilTime(nanoseconds: Int64, text: String) {
        #expect(CivilTime(nanoseconds: nanoseconds).text == text)
    }

    @Test("dates go on day by day for centuries, and the ends of the range do not trap")
    func civilDays() {
        var last = CivilTime(nanoseconds: 0)
        for day in 1..<100_000 as Range<Int64> {
            let next = CivilTime(nanoseconds: day * 86_400_000_000_000)
            let isNextDay = next.month == last.month && next.year == last.year && next.day == last.day + 1
            let isNextMonth = next.day == 1 && last.day >= 28 && (next.month == last.month % 12 + 1)
            if !isNextDay && !isNextMonth { Issue.record("\(last.text) is followed by \(next.text)") }
            last = next
        }
        #expect(CivilTime(nanoseconds: .max).year == 2262)
        #expect(CivilTime(nanoseconds: .min).year == 1677)
    }
}
