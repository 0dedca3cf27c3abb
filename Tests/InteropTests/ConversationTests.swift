// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension RealPeers {
    /// Chromium and Firefox in calls that `Peers/conversation.py` holds: the first participant sits in Chromium, the
    /// second in Firefox, a third in Chromium again, and each station is reached with the first and with the second.
    @Suite(
        "Conversations of browsers",
        .enabled(if: Peers.hasBrowsers, "no chromium or no firefox-esr: run make bootstrap"))
    struct ConversationTests {
        @Test("a data channel opens in each browser: greeting, state, messages to all and to one, statistics")
        func dataChannel() async throws {
            let call = try await Conversation.call("sctp")
            let opened = try call.station("channel")
            // Only a WebSocket is greeted unasked.
            let events = try #require(opened.onConnect)
            #expect(events.count == 2)
            for (name, events) in events {
                #expect(events.filter { $0 == "ServerHello" }.count == 1, "\(name): \(events)")
            }
            _ = try call.station("messages")
        }

        @Test("a WebSocket does the same, and gets the state again when it was lost and dialled anew")
        func webSocket() async throws {
            let call = try await Conversation.call("websocket")
            for (name, events) in try call.station("channel").onConnect ?? [:] {
                #expect(events.prefix(2) == ["open", "ServerHello"], "\(name): \(events)")
                #expect(events.filter { $0 == "ServerHello" }.count == 1, "\(name): \(events)")
            }
            _ = try call.station("messages")
            _ = try call.station("reconnect")
        }

        @Test(
            "through an nginx with TLS, and when that is started again the WebSockets are dialled anew and talk goes on",
            .enabled(if: ReverseProxy.isInstalled && OpenSSLProgram.isInstalled, "no nginx or no openssl"))
        func proxied() async throws {
            let (call, webSockets) = try await Conversation.proxied()
            for (name, events) in try call.station("channel").onConnect ?? [:] {
                #expect(events.prefix(2) == ["open", "ServerHello"], "\(name): \(events)")
            }
            #expect(try call.station("channel").schemes?.values.sorted() == ["wss", "wss"])
            _ = try call.station("messages")
            _ = try call.station("proxy_restart")
            #expect(try call.station("speaker").changes?.count == 1)
            // Two before and two after.
            #expect(webSockets == 4)
        }

        @Test(
            "everybody is told over the channel who speaks as tones start and stop", arguments: ["sctp", "websocket"])
        func speakers(channel: String) async throws {
            let call = try await Conversation.call(channel)
            let changes = try #require(try call.station("speaker").changes)
            #expect(changes.count == 2 && changes.allSatisfy { $0 < 6 }, "seconds: \(changes)")
        }

        @Test("who joins later is told the speaker on connect; who listens long is told of silence")
        func stateOfSpeech() async throws {
            _ = try await Conversation.call("sctp").station("latecomer")
            _ = try await Conversation.call("websocket").station("silence")
        }

        @Test("a microphone that the focus mutes is heard by nobody until unmuted, without a gap in numbers")
        func mute() async throws {
            #expect(try await Conversation.call("sctp").station("mute").lost == 0)
        }

        @Test("ICE is restarted in place while media flows: no pause above 200 ms, the channel stays")
        func restart() async throws {
            let restart = try await Conversation.call("sctp").station("restart")
            let gaps = try #require(restart.gaps)
            #expect(gaps.count == 2 && gaps.values.allSatisfy { $0 > 0 && $0 < 200 }, "milliseconds: \(gaps)")
            // Ten seconds of six streams.
            #expect(restart.lost.map { $0 < 5 } == true)
        }

        @Test("a client whose address changes keeps its call without a word of signalling, before it counts as away")
        func moved() async throws {
            let moved = try await Conversation.call("moving").station("moved")
            let seconds = try #require(moved.secondsUntilBack)
            #expect(seconds.count == 2 && seconds.values.allSatisfy { $0 < 10 }, "\(seconds)")
            #expect(moved.timesToldAway == 0)
        }

        @Test("a laptop that changes from one network to another keeps its call: by itself, and by a restart of ICE")
        func laptop() async throws {
            let call = try await Conversation.roaming()
            let pulled = try call.station("pulled")
            #expect(pulled.secondsUntilBack.map { $0.values.allSatisfy { $0 < 10 } } == true)
            #expect(pulled.timesToldAway == 0)
            let replaced = try call.station("replaced")
            #expect(replaced.secondsUntilBack.map { $0.count == 3 && $0.values.allSatisfy { $0 < 10 } } == true)
        }

        @Test("a tab that is closed without a word is away for the others within 10 s, and expired later")
        func closed() async throws {
            let call = try await Conversation.call("moving")
            let seconds = try #require(try call.station("closed").secondsUntilTold)
            #expect(seconds.count == 2 && seconds.values.allSatisfy { $0 > 6 && $0 < 11 }, "\(seconds)")
            _ = try call.station("forgotten")
        }
    }
}
