// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import SCTP
import Testing

@testable import LoadGenerator

/// The generator's data channel against the server's side of our SCTP, on virtual time.
@Suite("DataChannelCarrier")
struct DataChannelCarrierTests {
    /// What the server saw.
    private struct Seen {
        var label = ""
        var channelProtocol = ""
        var texts: [String] = []
    }

    /// Lets packets pass until nobody has anything to say.
    /// - Parameter answers: whether the server gets them.
    private func exchange(
        _ carrier: inout DataChannelCarrier, _ server: inout DataChannels, at now: Timestamp,
        answers: Bool = true, _ seen: inout Seen
    ) -> [CarrierEvent] {
        var told: [CarrierEvent] = []
        for _ in 0..<50 {
            var isQuiet = true
            while let packet = carrier.pollTransmit() {
                isQuiet = false
                if answers { server.handle(packet.rawSpan, at: now) }
            }
            while let event = server.pollEvent() {
                switch event {
                case .opened(_, let label, let name): (seen.label, seen.channelProtocol) = (label, name)
                case .text(let channel, let text):
                    seen.texts.append(String(decoding: text, as: UTF8.self))
                    _ = server.send(text: Array("heard".utf8), on: channel, at: now)
                default: break
                }
            }
            while let packet = server.pollTransmit() {
                isQuiet = false
                carrier.handle(packet, at: now)
            }
            while let event = carrier.pollEvent() { told.append(event) }
            if isQuiet { break }
        }
        return told
    }

    @Test("the channel opens under lib-jitsi-meet's name, carries texts both ways, and its end is told")
    func life() {
        var now = Timestamp(nanoseconds: 1)
        var server = DataChannels(role: .server, random: Random(seed: 2), at: now)
        var carrier = DataChannelCarrier(random: Random(seed: 1), at: now)
        var seen = Seen()
        #expect(exchange(&carrier, &server, at: now, &seen) == [.opened])
        let isConnected = carrier.isConnected
        #expect(isConnected)
        #expect(seen.label == "JVB data channel" && seen.channelProtocol == "http://jitsi.org/protocols/colibri")
        now = now + .milliseconds(10)
        carrier.send(text: Array("hello".utf8), at: now)
        #expect(exchange(&carrier, &server, at: now, &seen) == [.text(Array("heard".utf8))])
        #expect(seen.texts == ["hello"])
        server.abort(at: now)
        let end = exchange(&carrier, &server, at: now, &seen)
        guard case .ended(let reason) = end.last else {
            Issue.record("\(end)")
            return
        }
        #expect(reason.hasPrefix("the bridge aborted the SCTP association"))
        carrier.send(text: Array("hello".utf8), at: now)
        let last = carrier.pollEvent()
        #expect(last == .ended("the data channel takes no more messages"))
    }

    @Test("a bridge that does not answer is asked again, and told about by time alone")
    func silence() throws {
        var now = Timestamp(nanoseconds: 1)
        var server = DataChannels(role: .server, random: Random(seed: 2), at: now)
        var carrier = DataChannelCarrier(random: Random(seed: 1), at: now)
        var seen = Seen()
        for _ in 0..<5 {
            #expect(exchange(&carrier, &server, at: now, answers: false, &seen) == [])
            let due = carrier.nextTimeout
            now = try #require(due)
            carrier.handleTimeout(at: now)
        }
        let isConnected = carrier.isConnected
        #expect(!isConnected && now.nanoseconds > 5_000_000_000)
        #expect(exchange(&carrier, &server, at: now, &seen) == [.opened])
    }
}
