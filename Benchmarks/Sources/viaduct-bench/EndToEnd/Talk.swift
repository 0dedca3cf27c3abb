// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc

/// The bridge channel in a running bridge: what a message costs, whether the media beside it notices, what a channel
/// takes on which nobody speaks.
struct Talk {
    let bed: Bed
    /// Pairs of calls, with and without messages.
    private static let pairs = 5
    private static let messagesPerSecond = 1_000
    private static let receivers = 100
    /// Two calls of people who send nothing; the difference is what more of them take, without what all share.
    private static let idlers = (few: 100, many: 500)

    func run() throws {
        heading(
            "\(Self.messagesPerSecond) messages a second to \(Self.receivers), 1.5 Mbit/s beside them; medians of "
                + "\(Self.pairs) pairs; bar: p99 0.3 ms or 30 % more")
        print(
            "  " + padded("carrier", 14) + leftPadded("delivered/s", 13) + leftPadded("lost", 7)
                + leftPadded("µs/delivery", 13) + leftPadded("bridge", 10) + leftPadded("without", 10)
                + leftPadded("p99 ms", 9) + leftPadded("without", 9) + leftPadded("more ms", 9)
                + leftPadded("more", 8) + leftPadded("message p50", 13) + leftPadded("p99 ms", 9))
        for carrier in [Carrier.sctp, .webSocket] { try broadcast(carrier) }
        try idle()
    }

    /// What carries the channel, and how the bridge offers it.
    private enum Carrier: String {
        case none, sctp
        case webSocket = "websocket"
        case webSocketOverTLS = "websocket, TLS"

        var option: String { self == .webSocketOverTLS ? "websocket" : rawValue }
    }

    /// The bridge's door for WebSockets; open in all calls, so that they differ in one thing.
    private func settings(_ carrier: Carrier) -> String {
        let port = Bed.http + 1
        let door =
            carrier == .webSocketOverTLS
            ? #"tls-port = \#(port), cert-path = "\#(bed.directory)/cert.pem", key-path = "\#(bed.directory)/key.pem""#
            : "port = \(port)"
        return """
            videobridge.http-servers.public { host = "127.0.0.1", \(door) }
            videobridge.websockets { enabled = true, domains = ["127.0.0.1:\(port)"] }
            """
    }

    // MARK: Messages

    private func broadcast(_ carrier: Carrier) throws {
        let bed = bed.with(settings: self.bed.settings + "\n" + settings(carrier))
        var quiet = Scenario(
            name: "quiet", participants: Self.receivers + 1, audioSenders: 1, videoSenders: 1,
            channel: carrier.option)
        quiet.verification = "headers"
        var busy = quiet
        busy.messagesPerSecond = Self.messagesPerSecond
        var pairs: [(without: CallResult, with: CallResult)] = []
        for _ in 0..<Self.pairs { pairs.append((try bed.call(quiet), try bed.call(busy))) }
        func median(_ value: ((without: CallResult, with: CallResult)) -> Double) -> Double {
            pairs.map(value).sorted()[Self.pairs / 2]
        }
        func p99(_ call: CallResult) -> Double { call.transit("p99", isVideo: true) }
        func cell(_ width: Int, _ digits: Int, _ value: ((without: CallResult, with: CallResult)) -> Double) -> String {
            leftPadded(decimal(median(value), digits), width)
        }
        var text = "  " + padded(carrier.rawValue, 14)
        text += cell(13, 0) { $0.with.channel("messages_arrived") / $0.with.seconds }
        text += cell(7, 0) { $0.with.channel("messages_expected") - $0.with.channel("messages_arrived") }
        text += cell(13, 2) {
            ($0.with.share - $0.without.share) * 1e6 * $0.with.seconds / $0.with.channel("messages_arrived")
        }
        text += cell(8, 0) { $0.with.share * 100 } + " %" + cell(8, 0) { $0.without.share * 100 } + " %"
        text += cell(9, 2) { p99($0.with) } + cell(9, 2) { p99($0.without) }
        text += cell(9, 2) { p99($0.with) - p99($0.without) }
        text += cell(6, 0) { (p99($0.with) / p99($0.without) - 1) * 100 } + " %"
        text += cell(13, 2) { $0.with.channel("message_transit_us", "p50") / 1_000 }
        text += cell(9, 2) { $0.with.channel("message_transit_us", "p99") / 1_000 }
        print(text)
        let calls = pairs.flatMap { [$0.without, $0.with] }
        for line in Set(calls.flatMap(\.imperfections)).sorted() { print("    not perfect: \(line)") }
        if let note = calls.compactMap(\.bottleneck).first {
            print("    note: the generator was the bottleneck: \(note)")
        }
        fflush(nil)
    }

    // MARK: Memory

    /// Memory of channels on which nobody speaks: what participants with one take beyond participants without.
    private func idle() throws {
        heading("Memory of an idle channel; bar: 20 kB SCTP, 30 kB WebSocket")
        try makeCertificate()
        let bare = try idle(.none)
        line("participant without a channel", decimal(bare / 1_000, 1) + " kB")
        for carrier in [Carrier.sctp, .webSocket, .webSocketOverTLS] {
            line("its channel: \(carrier.rawValue)", decimal((try idle(carrier) - bare) / 1_000, 1) + " kB")
        }
    }

    /// Bytes that each further participant takes.
    private func idle(_ carrier: Carrier) throws -> Double {
        let more = try grown(by: Self.idlers.many, carrier) - grown(by: Self.idlers.few, carrier)
        return more / Double(Self.idlers.many - Self.idlers.few)
    }

    private func grown(by count: Int, _ carrier: Carrier) throws -> Double {
        let bed = bed.with(settings: self.bed.settings + "\n" + settings(carrier), seconds: 4)
        let call = try bed.call(
            Scenario(name: "idle", participants: count, audioSenders: 0, videoSenders: 0, channel: carrier.option))
        guard call.connected == Double(count) else {
            fatal("not everybody is connected: \(call.imperfections.joined(separator: "; "))")
        }
        return call.grownBytes
    }

    private func makeCertificate() throws {
        let child = try ChildProcess(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", "/CN=127.0.0.1", "-days", "2", "-keyout", bed.directory + "/key.pem", "-out",
                bed.directory + "/cert.pem",
            ], log: bed.directory + "/openssl.log")
        guard child.wait() == 0 else { fatal("openssl makes no certificate") }
    }
}
