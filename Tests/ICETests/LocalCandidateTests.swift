// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

@Suite struct LocalCandidateTests {
    private func address(_ ip: String, _ port: UInt16 = 10_000) throws -> TransportAddress {
        try #require(TransportAddress(ip: ip, port: port))
    }

    @Test("one host: 2130706431, foundation 1; its mapped address: 1694498815")
    func singleHost() throws {
        let host = try address("10.0.0.7")
        let mapping = AddressMapping(
            localAddress: try address("10.0.0.7", 0), publicAddress: try address("192.0.2.1", 0))
        let candidates = LocalCandidate.gather(hosts: [host], mappings: [mapping])
        #expect(candidates.map(\.priority) == [2_130_706_431, 1_694_498_815])
        #expect(candidates.map(\.type.text) == ["host", "srflx"])
        #expect(candidates.map(\.foundation) == ["1", "2"])
        #expect(candidates.map(\.address) == [host, try address("192.0.2.1")])
        #expect(candidates[1].relatedAddress == host)
        #expect(Set(candidates.map(\.id)).count == 2)
    }

    @Test("two hosts: IPv4 2113932031, IPv6 2113939711, sockets by position")
    func twoHosts() throws {
        let hosts = [try address("192.0.2.1"), try address("2001:db8::1")]
        let candidates = LocalCandidate.gather(hosts: hosts, mappings: [])
        #expect(candidates.map(\.priority) == [2_113_932_031, 2_113_939_711])
        #expect(candidates.map(\.local) == [0, 1])
        #expect(candidates[0].foundation != candidates[1].foundation)
    }

    @Test("a single peer-reflexive candidate: 1862270975")
    func peerReflexive() throws {
        let priority = CandidatePriority.local(.peerReflexive, base: try address("192.0.2.1"), hostCount: 1)
        #expect(priority == 1_862_270_975)
    }

    @Test("pair priorities follow RFC 8445 §6.1.2.3")
    func pairPriority() {
        #expect(CandidatePriority.pair(controlling: 2, controlled: 1) == (1 << 32) + 5)
        #expect(CandidatePriority.pair(controlling: 1, controlled: 2) == (1 << 32) + 4)
        #expect(CandidatePriority.pair(controlling: .max, controlled: .max) == UInt64.max / 2 - 1)
    }

    @Test("a mapping with ports concerns that port only; useless mappings yield nothing")
    func mappings() throws {
        let host = try address("10.0.0.7")
        let face = try address("10.0.0.7", 0)
        let mask = try address("192.0.2.1", 0)
        let ported = AddressMapping(localAddress: face, localPort: 10_000, publicAddress: mask, publicPort: 443)
        #expect(ported.publicAddress(of: host) == (try address("192.0.2.1", 443)))
        #expect(ported.publicAddress(of: host.with(port: 9_999)) == nil)
        #expect(AddressMapping(localAddress: face, publicAddress: face).publicAddress(of: host) == nil)
        let ipv6 = AddressMapping(localAddress: face, publicAddress: try address("2001:db8::1", 0))
        #expect(ipv6.publicAddress(of: host) == nil)
        let other = AddressMapping(localAddress: try address("10.0.0.8", 0), publicAddress: mask)
        #expect(other.publicAddress(of: host) == nil)
        let plain = AddressMapping(localAddress: face, publicAddress: mask)
        #expect(LocalCandidate.gather(hosts: [host], mappings: [plain, plain]).count == 2)
    }
}
