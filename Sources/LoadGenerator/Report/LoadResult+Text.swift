// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension LoadResult {
    /// The final table.
    var table: String {
        let s = statistics
        var rows: [(String, String)] = []
        rows.append(("participants connected", "\(connected) of \(options.totalParticipants)"))
        rows.append(("join time p50 / max", "\(ms(s.join.quantile(0.5))) / \(ms(s.join.maximum))"))
        rows.append(("everyone connected after", "\(decimal(joinSeconds, 2)) s"))
        rows.append(("call", "\(decimal(callSeconds, 1)) s, \(s.streams) streams seen by receivers"))
        rows.append(("packets sent", "\(s.sent)"))
        let rate = callSeconds > 0 ? Double(measuredPackets) / callSeconds : 0
        rows.append(("packets received", "\(s.received), \(decimal(rate, 0)) per second in the call"))
        rows.append(("expected / lost", "\(s.expected) / \(s.lost)"))
        rows.append(("duplicated / reordered", "\(s.duplicates) / \(s.reordered)"))
        rows.append(("verified / altered", "\(s.verified) / \(s.altered)"))
        if s.misdelivered > 0 { rows.append(("misdelivered", "\(s.misdelivered)")) }
        if s.malformed > 0 { rows.append(("of no known kind", "\(s.malformed)")) }
        if s.unknown + s.retransmissions + s.paddingOnly > 0 {
            rows.append(("unknown / rtx / padding", "\(s.unknown) / \(s.retransmissions) / \(s.paddingOnly)"))
        }
        rows.append(("audio transit", transit(s.audioTransit)))
        if s.videoTransit.count > 0 {
            rows.append(("video transit", transit(s.videoTransit)))
            rows.append(
                ("first key frame p50 / max", "\(ms(s.firstKeyframe.quantile(0.5))) / \(ms(s.firstKeyframe.maximum))"))
            rows.append(("key frames / requests", "\(s.keyframesSent) / \(s.keyframeRequests)"))
        }
        rows.append(
            (
                "RTCP: SR / RR / TWCC / NACK",
                "\(s.senderReports) / \(s.receiverReports) / \(s.transportFeedback) / \(s.nacks)"
            ))
        if options.judgesPictures { rows += pictureRows + repairRows }
        if options.channel != .none { rows += channelRows }
        if let bridge, let cost = bridgeMicrosecondsPerPacket {
            rows.append(("bridge CPU per packet", "\(decimal(cost, 2)) µs"))
            let share = callSeconds > 0 ? Double(bridge.processorNanoseconds) / 1e7 / callSeconds : 0
            rows.append(("bridge CPU", "\(decimal(share, 1)) % of one core"))
            rows.append(
                (
                    "bridge memory",
                    "\(megabytes(bridge.residentBytes)) (\(megabytes(bridge.residentBytesBefore)) before)"
                ))
        }
        rows.append(
            ("generator", "\(decimal(generatorLoad * 100, 0)) % busy, send lag p99 \(ms(s.lag.quantile(0.99)))"))
        let width = rows.map { $0.0.count }.max() ?? 0
        var text = ""
        for (name, value) in rows {
            text += "  " + name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }
        if let bottleneck { text += "NOTE: the generator was the bottleneck: \(bottleneck).\n" }
        if isPerfect {
            text += "PERFECT\n"
        } else {
            text += "NOT PERFECT:\n" + imperfections.map { "  \($0)\n" }.joined()
        }
        return text
    }

    private var channelRows: [(String, String)] {
        let c = statistics.channel
        func spread(_ histogram: LatencyHistogram) -> String {
            [histogram.quantile(0.5), histogram.quantile(0.99), histogram.maximum].map(ms).joined(separator: " / ")
                + "  (p50 / p99 / max)"
        }
        var rows = [("bridge channels open", "\(openChannels) of \(options.totalParticipants) (\(options.channel))")]
        if c.open.count > 0 { rows.append(("channel open after", spread(c.open))) }
        if options.turns > 0 {
            rows.append(("turns to talk", "\(options.turns) of \(decimal(options.turnSeconds, 1)) s"))
            rows.append(("speaker changes told", "\(c.changesTold) of \(c.changesExpected)"))
            if c.speakerChange.count > 0 { rows.append(("change told after", spread(c.speakerChange))) }
        }
        if c.messagesExpected > 0 {
            rows.append(("messages to all / to one", "\(c.sentToAll) / \(c.sentToOne)"))
            rows.append(("messages arrived", "\(c.messagesArrived) of \(c.messagesExpected)"))
            rows.append(("message transit", spread(c.messageTransit)))
        }
        rows.append(("statistics sent / received", "\(c.statsSent) / \(c.statsReceived)"))
        return rows
    }

    private func transit(_ histogram: LatencyHistogram) -> String {
        guard histogram.count > 0 else { return "nothing measured" }
        let parts = [0.5, 0.99, 0.999].map { ms(histogram.quantile($0)) } + [ms(histogram.maximum)]
        return parts.joined(separator: " / ") + "  (p50 / p99 / p99.9 / max)"
    }

    private func ms(_ nanoseconds: Int64) -> String { "\(decimal(Double(nanoseconds) / 1e6, 2)) ms" }

    private func megabytes(_ bytes: Int64) -> String { "\(decimal(Double(bytes) / 1_048_576, 1)) MiB" }
}

/// A number with so many digits behind the point.
func decimal(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "–" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let whole = Int64(scaled / scale)
    let fraction = Int64(scaled) - whole * Int64(scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let text = String(fraction)
    return "\(sign)\(whole)." + String(repeating: "0", count: digits - text.count) + text
}
