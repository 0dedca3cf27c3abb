// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import Primitives
import TestSupport
import Testing

/// Records behind the handshake (RFC 8261 section 5: an SCTP packet is one record).
@Suite("DTLS application data")
struct ApplicationDataTests {
    private func connected() -> DTLSPair {
        var pair = DTLSPair()
        pair.start()
        pair.run()
        return pair
    }

    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) } }

    /// The one datagram that a record becomes.
    private func seal(_ record: [UInt8], with transport: inout DTLSTransport, at now: Timestamp) throws -> [UInt8] {
        let isTaken = transport.send(application: record.rawSpan, at: now)
        let first = transport.pollTransmit()
        let second = transport.pollTransmit()
        #expect(isTaken && second == nil)
        return try #require(first)
    }

    private func open(_ datagram: [UInt8], with transport: inout DTLSTransport, at now: Timestamp) -> [[UInt8]] {
        var records: [[UInt8]] = []
        transport.handle(datagram.rawSpan, at: now) { records.append($0.toArray()) }
        return records
    }

    @Test("what one side sends the other gets, a record per datagram", arguments: [1, 100, 1_200, 1_371])
    func bothWays(count: Int) throws {
        var pair = connected()
        let record = bytes(count)
        let toServer = try seal(record, with: &pair.client, at: pair.now)
        #expect(open(toServer, with: &pair.server, at: pair.now) == [record])
        let toClient = try seal(record, with: &pair.server, at: pair.now)
        #expect(open(toClient, with: &pair.client, at: pair.now) == [record])
        #expect(toClient.count == count + 37)
        let counters = pair.client.counters
        #expect(counters.recordsSent == 1 && counters.recordsReceived == 1)
    }

    @Test("what is no record is refused: too long, empty, before the handshake, after the end")
    func refusals() {
        let fits = bytes(10)
        let long = bytes(DTLSLimits.applicationBytes + 1)
        let none: [UInt8] = []
        var fresh = DTLSPair()
        var taken = [fresh.client.send(application: fits.rawSpan, at: fresh.now)]
        fresh.start()
        taken.append(fresh.client.send(application: fits.rawSpan, at: fresh.now))
        var pair = connected()
        taken.append(pair.client.send(application: long.rawSpan, at: pair.now))
        taken.append(pair.client.send(application: none.rawSpan, at: pair.now))
        pair.client.close(at: pair.now)
        taken.append(pair.client.send(application: fits.rawSpan, at: pair.now))
        #expect(taken == [false, false, false, false, false])
        let (before, after) = (fresh.client.counters.recordsRefused, pair.client.counters.recordsRefused)
        #expect(before == 2 && after == 3)
    }

    @Test("records that overtake each other all come; one that comes twice comes once")
    func disorder() throws {
        var pair = connected()
        let first = try seal(bytes(20), with: &pair.client, at: pair.now)
        let second = try seal(bytes(30), with: &pair.client, at: pair.now)
        #expect(open(second, with: &pair.server, at: pair.now) == [bytes(30)])
        #expect(open(first, with: &pair.server, at: pair.now) == [bytes(20)])
        #expect(open(second, with: &pair.server, at: pair.now) == [])
        #expect(open(first + second, with: &pair.server, at: pair.now) == [])
        let third = try seal(bytes(40), with: &pair.client, at: pair.now)
        let fourth = try seal(bytes(50), with: &pair.client, at: pair.now)
        #expect(open(third + fourth, with: &pair.server, at: pair.now) == [bytes(40), bytes(50)])
    }

    @Test("a forged record harms nobody: the next genuine one comes through")
    func forged() throws {
        var pair = connected()
        var random = Random(seed: 5)
        for _ in 0..<200 {
            var datagram = try seal(bytes(60), with: &pair.client, at: pair.now)
            datagram[13 + random.int(in: 0...datagram.count - 14)] ^= UInt8(random.int(in: 1...255))
            #expect(open(datagram, with: &pair.server, at: pair.now) == [])
        }
        let genuine = try seal(bytes(60), with: &pair.client, at: pair.now)
        #expect(open(genuine, with: &pair.server, at: pair.now) == [bytes(60)])
    }

    /// Lets the server finish, and keeps its last flight from the client.
    private func finishServer(_ pair: inout DTLSPair) -> [[UInt8]] {
        pair.server.start(.server, at: pair.now)
        pair.client.start(.client, at: pair.now)
        var toClient: [[UInt8]] = []
        // Ends: a handshake is a few flights.
        for _ in 0..<8 where !pair.server.isConnected {
            while let datagram = pair.client.pollTransmit() { pair.server.handle(datagram.rawSpan, at: pair.now) }
            if pair.server.isConnected { break }
            while let datagram = pair.server.pollTransmit() { pair.client.handle(datagram.rawSpan, at: pair.now) }
        }
        while let datagram = pair.server.pollTransmit() { toClient.append(datagram) }
        return toClient
    }

    @Test("data that arrives before the other side's last flight is kept for the end of the handshake")
    func early() throws {
        var pair = DTLSPair()
        let lastFlight = finishServer(&pair)
        let record = try seal(bytes(80), with: &pair.server, at: pair.now)
        #expect(pair.client.isConnected == false)
        #expect(open(record, with: &pair.client, at: pair.now) == [])
        var records: [[UInt8]] = []
        for datagram in lastFlight { records += open(datagram, with: &pair.client, at: pair.now) }
        #expect(pair.client.isConnected == true)
        #expect(records == [bytes(80)])
    }

    @Test("a hundred such records are kept, in their order; more are lost, and nothing else is")
    func earlyLimit() throws {
        var pair = DTLSPair()
        let lastFlight = finishServer(&pair)
        for number in 0..<150 as Range<UInt8> {
            let record = try seal([number], with: &pair.server, at: pair.now)
            #expect(open(record, with: &pair.client, at: pair.now) == [])
        }
        var records: [[UInt8]] = []
        for datagram in lastFlight { records += open(datagram, with: &pair.client, at: pair.now) }
        #expect(records == (0..<100).map { [$0] })
        let next = try seal([200], with: &pair.server, at: pair.now)
        #expect(open(next, with: &pair.client, at: pair.now) == [[200]])
    }
}
