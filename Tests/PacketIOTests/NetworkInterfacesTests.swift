// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import PacketIO
import Primitives
import Testing

private func address(_ text: String) -> TransportAddress { TransportAddress(ip: text, port: 0)! }

private let machine = [
    InterfaceAddress(name: "lo", address: address("127.0.0.1"), isLoopback: true),
    InterfaceAddress(name: "lo", address: address("::1"), isLoopback: true),
    InterfaceAddress(name: "eth0", address: address("192.0.2.5")),
    InterfaceAddress(name: "eth0", address: address("2001:db8::5")),
    InterfaceAddress(name: "eth0", address: address("fe80::5")),
    InterfaceAddress(name: "docker0", address: address("172.17.0.1")),
    InterfaceAddress(name: "eth1", address: address("198.51.100.7"), isUp: false),
]

private func chosen(_ change: (inout AddressSelection) -> Void = { _ in }) -> [String] {
    var selection = AddressSelection()
    change(&selection)
    return NetworkInterfaces.select(machine, selection).map(\.address.ipText)
}

@Suite("NetworkInterfaces")
struct NetworkInterfacesTests {
    @Test("by default all addresses but loopback, link-local and those of interfaces that are down")
    func defaults() {
        #expect(chosen() == ["192.0.2.5", "2001:db8::5", "172.17.0.1"])
    }

    @Test("interfaces are allowed or blocked by name, and an allow list wins")
    func interfaces() {
        #expect(chosen { $0.blockedInterfaces = ["docker0"] } == ["192.0.2.5", "2001:db8::5"])
        #expect(chosen { $0.allowedInterfaces = ["docker0"] } == ["172.17.0.1"])
        #expect(
            chosen {
                $0.allowedInterfaces = ["docker0"]
                $0.blockedInterfaces = ["docker0"]
            } == ["172.17.0.1"])
    }

    @Test("addresses are allowed or blocked, and an allow list wins")
    func addresses() {
        #expect(chosen { $0.blockedAddresses = [address("192.0.2.5")] } == ["2001:db8::5", "172.17.0.1"])
        #expect(
            chosen {
                $0.allowedAddresses = [address("192.0.2.5").with(port: 10_000)]
                $0.blockedAddresses = [address("192.0.2.5")]
            } == ["192.0.2.5"])
    }

    @Test("loopback is used only where allow-listed by address")
    func loopback() {
        #expect(chosen { $0.allowedAddresses = [address("127.0.0.1")] } == ["127.0.0.1"])
        #expect(chosen { $0.allowedInterfaces = ["lo"] } == [])
    }

    @Test("IPv6 and link-local addresses have their switches")
    func families() {
        #expect(chosen { $0.usesIPv6 = false } == ["192.0.2.5", "172.17.0.1"])
        #expect(chosen { $0.usesLinkLocal = true } == ["192.0.2.5", "2001:db8::5", "fe80::5", "172.17.0.1"])
    }

    @Test("a link-local address keeps its interface, the same one on two interfaces is two places; others have none")
    func places() {
        var selection = AddressSelection()
        selection.usesLinkLocal = true
        let candidates = [
            InterfaceAddress(name: "eth0", address: address("fe80::5"), interfaceIndex: 2),
            InterfaceAddress(name: "eth1", address: address("fe80::5"), interfaceIndex: 3),
            InterfaceAddress(name: "eth1", address: address("2001:db8::5"), interfaceIndex: 3),
            InterfaceAddress(name: "eth2", address: address("2001:db8::5"), interfaceIndex: 4),
            InterfaceAddress(name: "eth2", address: address("169.254.0.9"), interfaceIndex: 4),
        ]
        let places = NetworkInterfaces.select(candidates, selection)
        #expect(places.map(\.interfaceIndex) == [2, 3, 0, 0])
        #expect(places.map(\.address.ipText) == ["fe80::5", "fe80::5", "2001:db8::5", "169.254.0.9"])
        #expect(places[0].with(port: 9).description == "[fe80::5]:9 on interface 2")
    }

    @Test("the machine's own loopback address is found")
    func real() throws {
        let found = try NetworkInterfaces.addresses()
        let loopback = try #require(found.first { $0.address == address("127.0.0.1") })
        #expect(loopback.isUp && loopback.isLoopback && loopback.name == "lo")
    }
}
