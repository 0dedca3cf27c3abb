// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import ICE

/// One agent, and a peer whose every datagram the test writes itself.
final class ScriptedPeer {
    static let ufrag = Array("peer".utf8)
    static let password = Array("peer-password-of-22-chars".utf8)
    static let agentUfrag = Array("agent".utf8)
    static let agentPassword = Array("agent-password-of-22-chars".utf8)
    static let address = TransportAddress(ipv4: 0xCB00_7105, port: 40_001)
    static let agentAddress = TransportAddress(ipv4: 0xC000_0201, port: 10_000)

    /// A datagram of the agent, copied out of its message.
    struct Sent {
        var time: Timestamp
        var destination: Destination
        var bytes: [UInt8]
        var messageClass: STUNClass
        var id: TransactionID
        var attributes: STUNAttributes
        var username: [UInt8]?
        var isFingerprinted: Bool
    }

    var agent: ICEAgent
    var now = Timestamp.zero
    var events: [ICEAgent.Event] = []
    var sent: [Sent] = []
    private var nextID: UInt64 = 1

    init(
        isControlling: Bool = true, tieBreaker: UInt64 = 100, hasCredentials: Bool = true,
        change: (inout ICEAgent.Settings) -> Void = { _ in }
    ) {
        var settings = ICEAgent.Settings(
            localUfrag: "agent", localPassword: "agent-password-of-22-chars", isControlling: isControlling,
            tieBreaker: tieBreaker, localAddresses: [Self.agentAddress])
        change(&settings)
        agent = ICEAgent(settings, random: Random(seed: 5), at: .zero)
        if hasCredentials { setCredentials() }
    }

    func setCredentials() {
        agent.setRemoteCredentials(ufrag: "peer", password: "peer-password-of-22-chars", at: now)
        drain()
    }

    /// A check as a peer sends it; `change` may add or break something before it is closed.
    func request(
        username: [UInt8]? = ScriptedPeer.agentUfrag, password: [UInt8]? = ScriptedPeer.agentPassword,
        priority: UInt32? = 1_862_270_975, isControlling: Bool? = false, tieBreaker: UInt64 = 1,
        change: (inout STUNBuilder) -> Void = { _ in }
    ) -> [UInt8] {
        nextID += 1
        var builder = STUNBuilder(.request, transactionID: TransactionID(high: 7, low: nextID))
        if let username { builder.username(username, Self.ufrag) }
        if let priority { builder.priority(priority) }
        if let isControlling { builder.role(isControlling: isControlling, tieBreaker: tieBreaker) }
        change(&builder)
        return builder.finish(key: password)
    }

    /// The success answer to a request of the agent.
    func success(
        to request: Sent, password: [UInt8]? = ScriptedPeer.password,
        address: TransportAddress? = ScriptedPeer.agentAddress
    ) -> [UInt8] {
        var builder = STUNBuilder(.success, transactionID: request.id)
        if let address { builder.xorMappedAddress(address) }
        return builder.finish(key: password)
    }

    /// An error answer to a request of the agent.
    func error(_ code: Int, to request: Sent, password: [UInt8]? = ScriptedPeer.password) -> [UInt8] {
        var builder = STUNBuilder(.error, transactionID: request.id)
        builder.errorCode(code)
        return builder.finish(key: password)
    }

    /// Gives the agent a datagram and returns what it sends in turn.
    @discardableResult
    func deliver(_ bytes: [UInt8], from source: TransportAddress = ScriptedPeer.address, local: UInt16 = 0) -> [Sent] {
        let count = sent.count
        agent.handle(bytes.rawSpan, from: source, local: local, at: now)
        drain()
        return Array(sent[count...])
    }

    /// Lets time pass and returns what the agent sends.
    @discardableResult
    func wait(_ length: TimeDelta) -> [Sent] {
        let count = sent.count
        let end = now + length
        drain()
        while let next = agent.nextTimeout, next <= end {
            now = max(now, next)
            agent.handleTimeout(at: now)
            drain()
        }
        now = end
        return Array(sent[count...])
    }

    /// The last request that the agent sent.
    var lastRequest: Sent? { sent.last { $0.messageClass == .request } }

    /// Brings the agent to a selected pair.
    func establish() {
        deliver(request())
        for _ in 0..<3 { if let last = lastRequest { deliver(success(to: last)) } }
    }

    private func drain() {
        while let event = agent.pollEvent() { events.append(event) }
        while let (destination, bytes) = agent.pollTransmit() {
            guard let message = try? STUNMessage(bytes.rawSpan) else { continue }
            sent.append(
                Sent(
                    time: now, destination: destination, bytes: bytes, messageClass: message.messageClass,
                    id: message.transactionID, attributes: message.attributes, username: message.username?.toArray(),
                    isFingerprinted: message.hasValidFingerprint == true))
        }
    }
}

/// Whether MESSAGE-INTEGRITY of `bytes` was made with `key`.
func hasIntegrity(_ bytes: [UInt8], _ key: [UInt8]) -> Bool {
    guard let message = try? STUNMessage(bytes.rawSpan) else { return false }
    return message.hasValidIntegrity(key: key)
}
