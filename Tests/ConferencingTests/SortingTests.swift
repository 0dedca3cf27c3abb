// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import OpenSSL
import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("Door 2: who may have whose address")
struct SortingTests {
    /// The bridge's half of a client's transport.
    private func local(_ client: Int, in world: inout World) throws -> LocalTransport {
        let number = world.clients[client].number
        let answer = world.request([.updateEndpoint(number, media: EndpointMedia(), remote: nil)])
        return try require(try? answer.result.get().first?.1)
    }

    /// A check with the right credentials of an endpoint, as it may come from any address.
    private func check(_ local: LocalTransport, _ id: UInt64, change: (inout STUNBuilder) -> Void = { _ in }) -> [UInt8]
    {
        var request = STUNBuilder(.request, transactionID: TransactionID(high: 1, low: id))
        request.username(Array(local.ufrag.utf8), Array("any".utf8))
        request.priority(1)
        request.role(isControlling: false, tieBreaker: 1)
        change(&request)
        return request.finish(key: Array(local.password.utf8))
    }

    /// An answer to a check of the bridge.
    private func answer(_ id: TransactionID, of client: Int, in world: borrowing World) -> [UInt8] {
        var response = STUNBuilder(.success, transactionID: id)
        response.xorMappedAddress(World.bridge)
        return response.finish(key: Array("a-password-of-enough-letters-\(client)".utf8))
    }

    private func sendAudio(from client: Int, in world: inout World) throws {
        let packet = world.clients[client].makeRTP(
            ssrc: world.clients[client].audioSSRC, payloadType: 111, payload: [1], extensions: [(1, [10])])
        world.send([try require(packet)], from: client)
    }

    /// Slot of a client's endpoint in the worker.
    private func slot(of client: Int, in world: borrowing World) throws -> Int {
        try require(world.host.endpointIndex(world.clients[client].number))
    }

    private func owner(of address: TransportAddress, in world: borrowing World) -> Int? {
        world.host.sorter.flows[FlowKey(remote: address, local: 0)].map { Int($0.index) }
    }

    @Test("ten forged checks a second from a member's address: 3,000 of 3,000 of its packets arrive")
    func forgedChecks() throws {
        var world = try World()
        expect(world.assemble(3))
        let attacker = try local(2, in: &world)
        let victim = world.clients[0].address
        for index in 0..<3_000 {
            if index % 5 == 0 {
                let forged = check(attacker, UInt64(index)) { if index % 2 == 0 { $0.useCandidate() } }
                world.sendStranger(forged, from: victim)
            }
            try sendAudio(from: 0, in: &world)
            world.run(for: .milliseconds(20))
        }
        expect(world.clients[1].received.count == 3_000)
        expect(world.clients[2].received.count == 3_000)
        #expect(owner(of: victim, in: world) == (try slot(of: 0, in: world)))
        // The attacker's own session goes on as well.
        try sendAudio(from: 2, in: &world)
        expect(world.clients[1].received.count == 3_001)
    }

    @Test("a client that moves is heard from its new address after a round trip, and hears within two seconds")
    func move() throws {
        var world = try World()
        expect(world.assemble(3))
        let attacker = try local(2, in: &world)
        let moved = TransportAddress(ipv4: 0xC633_6499, port: 7_000)
        world.run(for: .seconds(7 as Int64))
        world.clients[0].address = moved
        // Its next check comes from there. Somebody forges the address before, and goes on.
        world.sendStranger(check(attacker, 1), from: moved)
        world.clients[0].transport.resumeAfterPause(of: .nanoseconds(1), at: world.now)
        world.run(for: .milliseconds(40))
        try sendAudio(from: 0, in: &world)
        expect(world.clients[1].received.count == 1)
        for index in 0..<20 {
            world.sendStranger(check(attacker, UInt64(index) + 2), from: moved)
            world.run(for: .milliseconds(98))
        }
        try sendAudio(from: 0, in: &world)
        expect(world.clients[1].received.count == 2)
        try sendAudio(from: 1, in: &world)
        expect(world.clients[0].received.count == 1)
    }

    @Test("answers that only the attacker's own session could want, from the victim's address, with guessed numbers")
    func guessedAnswers() throws {
        var world = try World()
        expect(world.assemble(3))
        let attacker = try local(2, in: &world)
        let victim = world.clients[0].address
        let me = TransactionOwner(worker: 0, slot: UInt32(try slot(of: 2, in: world)))
        world.sendStranger(check(attacker, 1), from: victim)
        var random = Random(seed: 1)
        for guess in 0..<500 as Range<UInt64> {
            for secret in [guess, random.next()] {
                let bytes = answer(TransactionID(owner: me, secret: secret), of: 2, in: world)
                world.sendStranger(bytes, from: victim)
            }
        }
        expect(world.counters.value(.droppedUnmatchedSTUN) == 1_000)
        #expect(owner(of: victim, in: world) == (try slot(of: 0, in: world)))
    }

    @Test("numbers of other workers, of free slots and of slots that cannot be are dropped and counted")
    func impossibleAnswers() throws {
        var world = try World()
        expect(world.assemble(1))
        let before = world.counters.value(.droppedUnknownFragment)
        let owners = [
            TransactionOwner(worker: 1, slot: 0), TransactionOwner(worker: 255, slot: 0),
            TransactionOwner(worker: 0, slot: 5), TransactionOwner(worker: 0, slot: TransactionOwner.slots - 1),
        ]
        for owner in owners {
            let bytes = answer(TransactionID(owner: owner, secret: 1), of: 0, in: world)
            for source in [world.clients[0].address, TransportAddress(ipv4: 0x0102_0304, port: 9)] {
                world.sendStranger(bytes, from: source)
            }
        }
        expect(world.counters.value(.droppedUnknownFragment) == before + 8)
        expect(world.counters.value(.droppedUnmatchedSTUN) == 0)
    }

    @Test("who comes to a freed slot gets neither the checks nor the answers of who had it before")
    func reusedSlot() throws {
        var world = try World()
        expect(world.assemble(2))
        let old = try local(1, in: &world)
        let place = try slot(of: 1, in: world)
        let oldOwner = TransactionOwner(worker: 0, slot: UInt32(place))
        let address = world.clients[1].address
        _ = world.request([.expireEndpoint(world.clients[1].number)])
        #expect(owner(of: address, in: world) == nil)
        expect(world.join())
        #expect(try slot(of: 2, in: world) == place)
        let new = try local(2, in: &world)
        #expect(new.ufrag != old.ufrag && new.ufrag.prefix(8) == old.ufrag.prefix(8))
        let messages = world.messagesSent
        let unknown = world.counters.value(.droppedUnknownFragment)
        world.sendStranger(check(old, 1), from: address)
        var unsigned = STUNBuilder(.request, transactionID: TransactionID(high: 1, low: 2))
        unsigned.username(Array(old.ufrag.utf8), Array("any".utf8))
        world.sendStranger(unsigned.finish(key: nil), from: address)
        expect(world.counters.value(.droppedUnknownFragment) == unknown + 2)
        world.sendStranger(answer(TransactionID(owner: oldOwner, secret: 3), of: 1, in: world), from: address)
        expect(world.counters.value(.droppedUnmatchedSTUN) == 1)
        expect(world.messagesSent == messages)
        let counters = world.host.endpoints[place].transport.ice.counters
        #expect(counters.requestsAnswered == 0 && counters.responsesAccepted == 0)
        expect(world.connectAll() || world.clients[2].isConnected)
    }

    @Test("a client that joins again from its old port takes it over from its former session, which falls silent")
    func joinsAgain() throws {
        var world = try World()
        expect(world.assemble(2))
        let address = world.clients[1].address
        let former = try slot(of: 1, in: world)
        world.clients[1].isDeaf = true
        expect(world.join())
        world.clients[1].address = TransportAddress(ipv4: 0x0102_0304, port: 1)
        world.clients[2].address = address
        world.clients[2].transport.resumeAfterPause(of: .nanoseconds(1), at: world.now)
        world.run(for: .seconds(3 as Int64))
        expect(world.clients[2].isConnected)
        #expect(owner(of: address, in: world) == (try slot(of: 2, in: world)))
        #expect(world.host.endpoints[former].transport.destination == nil)
        try sendAudio(from: 0, in: &world)
        expect(world.clients[2].received.count == 1)
        // The former session's end takes nothing from the new one.
        _ = world.request([.expireEndpoint(world.clients[1].number)])
        #expect(owner(of: address, in: world) == (try slot(of: 2, in: world)))
    }

    @Test("who comes back from the same port while the old conference is still being taken apart is heard at once")
    func comesBack() throws {
        var world = try World()
        expect(world.assemble(2))
        let address = world.clients[1].address
        _ = world.request([.expireConference])
        #expect(owner(of: address, in: world) != nil)
        let again = ConferenceNumber(8)
        let creation = EndpointCreation(
            number: EndpointNumber(70), id: "again", isICEControlling: true, media: EndpointMedia())
        let result = world.request(
            [.createConference(name: "next", audioSSRC: 1, videoSSRC: 2), .createEndpoint(creation)],
            conference: again
        ).result
        let fresh = try require(try? result.get().first?.1)
        let unknown = world.counters.value(.droppedUnknownSource)
        world.sendStranger([22, 254, 253, 0], from: address)
        expect(world.counters.value(.droppedUnknownSource) == unknown + 1)
        world.sendStranger(check(fresh, 1), from: address)
        world.sendStranger([22, 254, 253, 0], from: address)
        expect(world.counters.value(.droppedUnknownSource) == unknown + 1)
        #expect(owner(of: address, in: world) == nil)
        _ = world.request([.expireConference], conference: again)
        world.run(for: .seconds(1 as Int64))
        #expect(world.host.sorter.flows.count == 0)
    }

    @Test("two clients whose NAT swaps their ports, and swaps them back, are heard and hear each other")
    func swappedPorts() throws {
        var world = try World()
        expect(world.assemble(3))
        let addresses = [world.clients[0].address, world.clients[1].address]
        for round in 1...4 {
            world.run(for: .seconds(6 as Int64))
            for index in 0..<2 {
                world.clients[index].address = addresses[(index + round) % 2]
                world.clients[index].transport.resumeAfterPause(of: .nanoseconds(1), at: world.now)
            }
            world.run(for: .seconds(2 as Int64))
            for index in 0..<2 {
                #expect(owner(of: world.clients[index].address, in: world) == (try slot(of: index, in: world)))
            }
            let before = (0..<3).map { world.clients[$0].received.count }
            for index in 0..<3 { try sendAudio(from: index, in: &world) }
            let heard = (0..<3).map { world.clients[$0].received.count - before[$0] }
            #expect(heard == [2, 2, 2], "round \(round)")
        }
    }

    @Test("every 4-tuple is given back: after joins, moves, floods and ends the table is empty")
    func balance() throws {
        var world = try World()
        expect(world.assemble(3))
        let attacker = try local(2, in: &world)
        for index in 0..<500 as Range<UInt32> {
            let source = TransportAddress(ipv4: 0x0B00_0000 + index, port: 9)
            world.sendStranger(check(attacker, UInt64(index)), from: source)
            if index % 50 == 0 { world.run(for: .seconds(1 as Int64)) }
        }
        #expect(world.host.sorter.flows.count == 3)
        for index in 0..<8 as Range<UInt16> {
            world.clients[0].address = TransportAddress(ipv4: 0xC633_6400, port: 6_000 + index)
            world.clients[0].transport.resumeAfterPause(of: .nanoseconds(1), at: world.now)
            world.run(for: .seconds(3 as Int64))
        }
        #expect(world.host.sorter.flows.count == 3 + 8)
        _ = world.request([.expireEndpoint(world.clients[0].number)])
        #expect(world.host.sorter.flows.count == 2)
        _ = world.request([.expireConference])
        world.run(for: .milliseconds(1))
        #expect(world.host.sorter.flows.count == 0)
    }

    @Test("the first handshake message may overtake the answer to our check: it is kept for its session")
    func earlyHandshake() throws {
        var world = try World()
        expect(world.assemble(1))
        expect(world.join())
        let fresh = try local(1, in: &world)
        let source = TransportAddress(ipv4: 0x0B00_0001, port: 9)
        let unknown = world.counters.value(.droppedUnknownSource)
        world.sendStranger([22, 254, 253, 0], from: source)
        expect(world.counters.value(.droppedUnknownSource) == unknown + 1)
        world.sendStranger(check(fresh, 1), from: source)
        world.sendStranger([22, 254, 253, 0], from: source)
        expect(world.counters.value(.droppedUnknownSource) == unknown + 1)
        world.run(for: ConferencingLimits.claimLifetime + .seconds(1 as Int64))
        world.sendStranger([22, 254, 253, 0], from: source)
        expect(world.counters.value(.droppedUnknownSource) == unknown + 2)
    }
}
