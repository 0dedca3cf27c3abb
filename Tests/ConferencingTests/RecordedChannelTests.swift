// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

/// Replays the channels of participants of the original bridge through the worker and the hub: speakers come from
/// levels of encrypted packets, connectivity from what is heard, and data channels run in DTLS.
@Suite("Recorded channels")
struct RecordedChannelTests {
    @Test(
        "what the bridge says is what the original said, over both transports",
        arguments: RecordedChannel.names, ChannelWorld.Carrier.allCases)
    func recordedChannel(_ name: String, _ carrier: ChannelWorld.Carrier) throws {
        for difference in try Replay.differences(name, over: carrier) { Issue.record("\(difference)") }
    }

    @Test("the replay notices one who is mute, two who are swapped, and one who talks and was not held back")
    func noticed() throws {
        let name = "participant-b"
        let mute = Replay.Change(script: { $0.talks.removeAll { $0.id == "c3644887" } })
        #expect(speakers(try Replay.differences(name, over: .webSocket, mute)))
        let swapped = Replay.Change(script: { script in
            let names = ["c3644887": "78ab18e5", "78ab18e5": "c3644887"]
            for index in script.talks.indices {
                script.talks[index].id = names[script.talks[index].id] ?? script.talks[index].id
            }
        })
        #expect(speakers(try Replay.differences(name, over: .dataChannel, swapped)))
        let unheld = Replay.Change(holdsNobody: true)
        #expect(speakers(try Replay.differences("force-muted-participant", over: .webSocket, unheld)))
    }

    /// Nothing but the speakers differs.
    private func speakers(_ differences: [String]) -> Bool {
        differences.contains { $0.hasPrefix("DominantSpeakerEndpointChangeEvent: ") }
            && differences.allSatisfy { $0.contains("DominantSpeakerEndpointChangeEvent") }
    }

    @Test("an endpoint that falls silent is told to all, to newcomers ahead of the speaker, and again when it is heard")
    func connectivity() throws {
        let world = try ChannelWorld(at: .zero + .seconds(10.0))
        for id in ["ann", "bob"] { try world.join(id, over: .dataChannel) }
        try world.script.follow(["ann"], at: world.now + .seconds(2.0))
        world.run(until: world.now + .seconds(3.0))
        let (ann, bob) = (try #require(world["ann"]), try #require(world["bob"]))
        world.world.clients[bob.index].isDeaf = true
        world.run(until: world.now + .seconds(20.0))
        try world.join("eve", over: .dataChannel)
        world.run(until: world.now + .seconds(1.0))
        let name = "EndpointConnectivityStatusChangeEvent"
        let gone = #"{"colibriClass":"\#(name)","endpoint":"bob","active":"false"}"#
        #expect(ann.told(name).map(\.message.text) == [gone])
        let eve = try #require(world["eve"])
        let classes = eve.received.compactMap { $0.message["colibriClass"]?.stringValue }
        #expect(
            classes == [
                "SenderSourceConstraints", "ForwardedSources", name, "DominantSpeakerEndpointChangeEvent",
                "ServerHello",
            ])
        #expect(eve.told(name).map(\.message.text) == [gone])

        world.world.clients[bob.index].isDeaf = false
        world.world.speak(bob.index, at: SpeechScript.soft)
        // His own channel waits for its retransmission.
        world.run(until: world.now + .seconds(5.0))
        let back = gone.replacing("false", with: "true")
        for member in [ann, bob, eve] { #expect(member.told(name).last?.message.text == back, "\(member.id)") }
    }
}
