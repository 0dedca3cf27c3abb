// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

/// Recorders (Jibri) and telephone gateways (Jigasi) as they come: plain endpoints, some of which only receive, and
/// whose candidates trickle in.
@Suite("Recorders and gateways")
struct GatewayTests {
    private func update(_ number: EndpointNumber, in world: inout World, _ edit: (inout RemoteTransport) -> Void) throws
    {
        var remote = RemoteTransport()
        edit(&remote)
        _ = try world.request([.updateEndpoint(number, media: EndpointMedia(), remote: remote)]).result.get()
    }

    @Test("candidates that come one by one while checks run are checked as they come, each with repetitions")
    func trickled() throws {
        var world = try World()
        world.createConference()
        let number = EndpointNumber(60)
        let creation = EndpointCreation(
            number: number, id: "gateway", isICEControlling: true, media: World.media(audioSSRC: nil, videoSSRC: nil))
        _ = try world.request([.createEndpoint(creation)]).result.get()
        let addresses = (1...3).map { TransportAddress(ipv4: 0xCB00_7100 + UInt32($0), port: 5_000) }
        try update(number, in: &world) { $0.credentials = ("gateway", "a-password-of-enough-letters") }
        world.run(for: .milliseconds(300))
        #expect(world.messagesTo.isEmpty, "nobody to ask yet")
        for (index, address) in addresses.enumerated() {
            try update(number, in: &world) { remote in
                // Some repeat what they have said of themselves.
                if index == 1 { remote.credentials = ("gateway", "a-password-of-enough-letters") }
                remote.candidates = [RemoteCandidate(address: address, priority: 1, isRelayed: false)]
            }
            world.run(for: .milliseconds(150))
            #expect(world.messagesTo[address] == 2, "candidate \(index)")
        }
    }

    @Test("a candidate that comes when the connection stands changes nothing")
    func tooLate() throws {
        var world = try World()
        expect(world.assemble(2))
        let late = TransportAddress(ipv4: 0xCB00_7109, port: 5_000)
        try update(world.clients[0].number, in: &world) {
            $0.candidates = [RemoteCandidate(address: late, priority: .max, isRelayed: false)]
        }
        world.run(for: .seconds(2 as Int64))
        #expect(world.messagesTo[late] == nil)
    }

    @Test("a recorder without sources hears and sees everybody; what it sends all the same goes nowhere")
    func recorder() throws {
        var world = try World()
        world.createConference()
        expect(world.join())
        expect(world.join { $0.sources = [] })
        expect(world.connectAll())
        let audio = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))
        let video = try require(
            world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: 100, payload: [0x10, 0, 0, 0, 0x9D, 1, 0x2A, 0, 1, 0, 1]))
        world.send([audio, video], from: 0)
        #expect(Set(world.clients[1].received.map(\.ssrc)) == [1_000, 2_000])
        let own = try require(world.clients[1].makeRTP(ssrc: 1_001, payloadType: 111, payload: [1]))
        world.send([own], from: 1)
        expect(world.clients[0].received.isEmpty)
        expect(world.counters.value(.droppedUnknownSSRC) == 1)
        world.run(for: .seconds(30 as Int64))
        expect(world.counters.value(.endpointsDisconnected) == 0, "consent is a sign of life")
    }
}
