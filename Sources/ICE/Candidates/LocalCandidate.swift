// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// A candidate of the bridge as signalling describes it (RFC 8445 §5.1, control-plane.md 4.3).
public struct LocalCandidate: Hashable, Sendable {
    /// Host or server-reflexive.
    public var type: CandidateType
    /// Where peers send to.
    public var address: TransportAddress
    /// The bound address behind it (for host candidates the address itself): `rel-addr` and `rel-port`.
    public var relatedAddress: TransportAddress
    /// Index of the socket.
    public var local: UInt16
    /// Equal for candidates of one type and one base address.
    public var foundation: String
    /// RFC 8445 §5.1.2.
    public var priority: UInt32
    /// Unique within the agent's candidates.
    public var id: String

    /// The candidates of an agent: the bound addresses, then the public ones in front of them.
    /// - Parameters:
    ///   - hosts: bound addresses; the position is the socket index.
    ///   - mappings: public addresses; useless ones and repetitions are skipped.
    public static func gather(hosts: [TransportAddress], mappings: [AddressMapping]) -> [LocalCandidate] {
        var result: [LocalCandidate] = []
        func add(_ type: CandidateType, _ address: TransportAddress, base: TransportAddress, local: Int) {
            guard let local = UInt16(exactly: local), !result.contains(where: { $0.address == address }) else { return }
            let twin = result.first { $0.type == type && $0.relatedAddress.with(port: 0) == base.with(port: 0) }
            let number = result.count + 1
            result.append(
                LocalCandidate(
                    type: type, address: address, relatedAddress: base, local: local,
                    foundation: twin?.foundation ?? String(number),
                    priority: CandidatePriority.local(type, base: base, hostCount: hosts.count), id: "c\(number)"))
        }
        for (index, host) in hosts.enumerated() { add(.host, host, base: host, local: index) }
        for mapping in mappings {
            for (index, host) in hosts.enumerated() {
                guard let address = mapping.publicAddress(of: host) else { continue }
                add(.serverReflexive, address, base: host, local: index)
            }
        }
        return result
    }
}
