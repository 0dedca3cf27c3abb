// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a run found.
struct LoadResult: Sendable {
    var options: LoadOptions
    var statistics: LoopStatistics
    /// Whether the measured call began: everybody was let in and somebody was connected.
    var hasBegun: Bool
    /// Participants that were connected at the end.
    var connected: Int
    /// Of those, participants whose bridge channel was open at the end.
    var openChannels: Int
    /// Seconds from the first request until everyone was connected.
    var joinSeconds: Double
    /// Seconds of the measured call.
    var callSeconds: Double
    /// RTP packets received within the measured call.
    var measuredPackets: UInt64
    /// What the bridge used within the measured call.
    var bridge: BridgeUse?
    /// What went wrong in signalling.
    var problems: [String] = []

    /// Processor time and memory of the bridge.
    struct BridgeUse: Sendable {
        var processorNanoseconds: Int64
        /// Resident memory before anybody joined.
        var residentBytesBefore: Int64
        /// Resident memory at the end of the call.
        var residentBytes: Int64
    }

    /// Whether nothing at all was amiss.
    var isPerfect: Bool { imperfections.isEmpty }

    /// What was amiss, one line each.
    var imperfections: [String] {
        let s = statistics
        var lines = problems
        if connected < options.totalParticipants {
            lines.append("\(options.totalParticipants - connected) of \(options.totalParticipants) not connected")
        }
        lines += s.failures
        lines += Self.lines([
            (s.lost - min(s.lost, s.repair.lostAudio), "packets lost"), (s.altered, "packets altered"),
            (s.duplicates, "packets duplicated"),
            (s.misdelivered, "packets delivered to the wrong receiver"), (s.malformed, "datagrams of no known kind"),
            (s.silentStreams, "streams never seen by a receiver"),
        ])
        if options.judgesPictures { lines += pictureImperfections + repairImperfections }
        if options.channel != .none { lines += channelImperfections }
        if s.streams > 0, s.received == 0 { lines.append("nothing received") }
        return lines
    }

    /// What was amiss on the bridge channels.
    private var channelImperfections: [String] {
        let c = statistics.channel
        var lines: [String] = []
        if openChannels < options.totalParticipants {
            let missing = options.totalParticipants - openChannels
            lines.append("\(missing) of \(options.totalParticipants) bridge channels not open")
        }
        lines += Self.lines([
            (c.lateHellos, "WebSockets on which ServerHello did not come first"),
            (c.malformed, "malformed messages on the bridge channel"),
            (c.changesMissed, "speaker changes not told before the next"),
            (c.wrongSpeakers, "times the wrong speaker told"), (c.messagesLost, "endpoint messages lost"),
            (c.messagesDoubled, "endpoint messages duplicated"), (c.messagesAltered, "endpoint messages altered"),
            (c.messagesMisdelivered, "endpoint messages delivered to the wrong participant"),
            (c.statsWrong, "endpoint statistics lost or duplicated"),
            (c.unreachable, "times a connected participant told to be unreachable"),
        ])
        return lines
    }

    /// A line for everything that happened at all.
    static func lines(_ counts: [(count: UInt64, what: String)]) -> [String] {
        counts.filter { $0.count > 0 }.map { "\($0.count) \($0.what)" }
    }

    /// Bridge processor time per packet it forwarded, in microseconds.
    var bridgeMicrosecondsPerPacket: Double? {
        guard let bridge, measuredPackets > 0 else { return nil }
        return Double(bridge.processorNanoseconds) / 1_000 / Double(measuredPackets)
    }

    /// Bridge memory per participant, in bytes.
    var residentBytesPerParticipant: Double? {
        guard let bridge, connected > 0 else { return nil }
        return Double(bridge.residentBytes - bridge.residentBytesBefore) / Double(connected)
    }

    /// Share of its time that the busiest media thread was working.
    var generatorLoad: Double

    /// Whether the figures say more about the generator than about the bridge, and why.
    var bottleneck: String? {
        if generatorLoad > 0.85 { return "its busiest thread worked \(Int(generatorLoad * 100)) % of the time" }
        if statistics.kernelDrops > 0 { return "it read too slowly: the kernel dropped \(statistics.kernelDrops)" }
        if statistics.sendDrops > 0 { return "it could not send \(statistics.sendDrops) packets" }
        let lag = statistics.lag.quantile(0.99)
        if lag > 5_000_000 { return "it sent late: \(lag / 1_000_000) ms at the 99th percentile" }
        return nil
    }
}
