// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import SCTP

/// Our association and libusrsctp's with a bad network between them, in virtual time.
final class MixedPair {
    var ours: SCTPAssociation
    private(set) var theirs: UsrsctpPeer
    var toOurs = BadNetwork()
    var toTheirs = BadNetwork()
    var now = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
    var random: Random
    var events: [AssociationEvent] = []
    var theirEvents: [UsrsctpPeer.Event] = []
    private let weConnect: Bool

    /// - Parameter weConnect: our role is the client's.
    init(seed: UInt64, weConnect: Bool, settings: SCTPSettings = SCTPSettings()) {
        random = Random(seed: seed)
        self.weConnect = weConnect
        ours = SCTPAssociation(settings, random: Random(seed: seed &+ 1_000), at: now)
        theirs = UsrsctpPeer(isServer: weConnect, packetBytes: settings.packetLimit, at: now)
    }

    /// The other side loses everything without a word and is there anew.
    func replaceTheirs(packetBytes: Int) {
        theirs.end()
        toOurs.removeAll()
        toTheirs.removeAll()
        theirs = UsrsctpPeer(isServer: false, packetBytes: packetBytes, at: now)
        theirEvents = []
    }

    /// Makes both directions equally bad.
    func setNetwork(_ network: BadNetwork) {
        toOurs = network
        toTheirs = network
    }

    /// Begins, and says whether both think that they are connected.
    func connect() -> Bool {
        if weConnect { ours.connect(at: now) } else if !theirs.connect() { return false }
        return run(until: { $0.events.contains(.connected) && $0.theirEvents.contains(.up) }, within: .seconds(600))
    }

    func drain() {
        while let packet = ours.pollTransmit() { toTheirs.send(packet, at: now, &random) }
        while let packet = theirs.pollTransmit() { toOurs.send(packet, at: now, &random) }
        while let event = ours.pollEvent() { events.append(event) }
        theirEvents += theirs.pollEvents()
    }

    /// Lets time pass until something holds; says whether it did.
    @discardableResult
    func run(until holds: (MixedPair) -> Bool, within limit: TimeDelta = .seconds(60)) -> Bool {
        let end = now + limit
        drain()
        while !holds(self) {
            guard now < end else { return false }
            now = now + .milliseconds(5)
            theirs.advance(to: now)
            while let packet = toTheirs.receive(at: now) {
                theirs.handle(packet)
                drain()
            }
            while let packet = toOurs.receive(at: now) {
                ours.handle(packet.rawSpan, at: now)
                drain()
            }
            if let timeout = ours.nextTimeout, timeout <= now { ours.handleTimeout(at: now) }
            drain()
        }
        return true
    }

    func weSend(
        _ bytes: [UInt8], stream: UInt16 = 0, isUnordered: Bool = false, reliability: Reliability = .reliable
    ) -> SendResult {
        ours.send(
            bytes, stream: stream, protocolIdentifier: 51, isUnordered: isUnordered, reliability: reliability, at: now)
    }

    func weReset(_ stream: UInt16) { ours.reset(stream: stream, at: now) }
    func weShutDown() { ours.shutdown(at: now) }

    var counters: SCTPCounters { ours.counters }
    var buffered: Int { ours.bufferedBytes }

    /// Messages that we got, of one stream.
    func ourMessages(on stream: UInt16 = 0) -> [[UInt8]] {
        events.compactMap {
            if case .message(let message) = $0, message.stream == stream { message.bytes } else { nil }
        }
    }

    /// Messages that the other side got, of one stream.
    func theirMessages(on stream: UInt16 = 0) -> [[UInt8]] {
        theirEvents.compactMap {
            if case .message(let number, _, let bytes) = $0, number == stream { bytes } else { nil }
        }
    }
}
