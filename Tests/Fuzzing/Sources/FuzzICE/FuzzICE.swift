// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import ICE
import Primitives

/// A whole ICE agent whose peer, network and clock are the input.
@main struct FuzzICE {
    static func main() {
        fuzz { bytes, count in
            var session = Session(Script(input(bytes, count)))
            session.run()
            return 0
        }
    }
}

/// One agent's life.
private struct Session: ~Copyable {
    private static let key = Array("agent-password-of-22-chars".utf8)
    private static let addresses = [
        TransportAddress(ipv4: 0xC000_0201, port: 10_000), TransportAddress(ipv6High: 1, low: 2, port: 10_000),
    ]
    private static let peerKey = Array("peer-password-of-22-chars".utf8)

    private var script: Script
    private var agent: ICEAgent
    private var now = Timestamp.zero
    private var lastRequest: (id: TransactionID, destination: Destination)?
    private var nextID: UInt64 = 0

    init(_ script: consuming Script) {
        var script = script
        let settings = ICEAgent.Settings(
            localUfrag: "agent", localPassword: "agent-password-of-22-chars", isControlling: script.next() & 1 == 1,
            tieBreaker: 100,
            localAddresses: Self.addresses)
        agent = ICEAgent(settings, random: Random(seed: 1), at: .zero)
        self.script = script
    }

    mutating func run() {
        for _ in 0..<200 where !script.isAtEnd {
            switch script.next() % 8 {
            case 0: deliver(script.take(Int(script.next())))
            case 1, 2: deliver(request())
            case 3: deliver(answer(code: 0))
            case 4: deliver(answer(code: [400, 401, 487, 500][Int(script.next() & 3)]))
            case 5:
                let length = script.next()
                wait(.milliseconds(Int64(length) * 50))
                guard length & 7 == 7 else { break }
                let pause = TimeDelta.milliseconds(Int64(length) * 300)
                agent.resumeAfterPause(of: pause, at: now)
            case 6:
                agent.addRemoteCandidate(
                    source(), priority: UInt32(script.next()), isRelayed: script.next() & 1 == 1, at: now)
            default:
                agent.setRemoteCredentials(ufrag: "peer", password: "peer-password-of-22-chars", at: now)
            }
            drain()
        }
        resume()
    }

    /// Whatever became of the agent: when it can be written down, the next one lives on.
    private mutating func resume() {
        guard let record = agent.record(at: now) else { return }
        guard let again = try? ICESessionRecord(record.encode().rawSpan) else {
            return require(false, "the agent writes what it cannot read")
        }
        let settings = ICEAgent.Settings(
            localUfrag: "x", localPassword: "x", isControlling: true, tieBreaker: 1, localAddresses: Self.addresses)
        let outage = TimeDelta.seconds(Int64(script.next()))
        now = now + outage
        guard let next = ICEAgent.resuming(again, settings, after: outage, random: Random(seed: 2), at: now) else {
            return require(false, "a session that is not taken up again")
        }
        agent = next
        drain()
        wait(.seconds(60))
    }

    private mutating func source() -> TransportAddress {
        let choice = script.next()
        if choice & 0x80 != 0 { return TransportAddress(ipv6High: 5, low: UInt64(choice), port: 7) }
        return TransportAddress(ipv4: 0xCB00_7100 + UInt32(choice), port: 7)
    }

    private mutating func deliver(_ datagram: [UInt8]) {
        let from = script.next() & 1 == 1 ? source() : lastRequest?.destination.remote ?? source()
        agent.handle(datagram.rawSpan, from: from, local: from.family == .ipv4 ? 0 : 1, at: now)
    }

    private mutating func request() -> [UInt8] {
        let flags = script.next()
        nextID += flags & 0x80 == 0 ? 1 : 0
        var builder = STUNBuilder(.request, transactionID: TransactionID(high: 1, low: nextID))
        builder.username(Array("agent".utf8), Array("peer".utf8))
        if flags & 1 == 0 { builder.priority(UInt32(script.next()) << 16) }
        if flags & 2 != 0 { builder.useCandidate() }
        builder.role(isControlling: flags & 4 != 0, tieBreaker: UInt64(script.next()))
        if flags & 8 != 0 { builder.attribute(UInt16(script.next()), script.take(4)) }
        return builder.finish(key: Self.key)
    }

    private mutating func answer(code: Int) -> [UInt8] {
        let id = lastRequest?.id ?? TransactionID(high: 0, low: 0)
        var builder = STUNBuilder(code == 0 ? .success : .error, transactionID: id)
        if code == 0 { builder.xorMappedAddress(TransportAddress(ipv4: 1, port: 2)) } else { builder.errorCode(code) }
        return builder.finish(key: Self.peerKey)
    }

    private mutating func wait(_ length: TimeDelta) {
        let end = now + length
        while let next = agent.nextTimeout, next <= end {
            now = max(now, next)
            agent.handleTimeout(at: now)
            require(agent.nextTimeout.map { $0 > now } ?? true, "a handled timeout is due again at once")
            drain()
        }
        now = end
    }

    private mutating func drain() {
        while agent.pollEvent() != nil {}
        while let (destination, datagram) = agent.pollTransmit() {
            guard let message = try? STUNMessage(datagram.rawSpan) else {
                return require(false, "the agent sends what it cannot read")
            }
            if message.messageClass == .request { lastRequest = (message.transactionID, destination) }
        }
    }
}
