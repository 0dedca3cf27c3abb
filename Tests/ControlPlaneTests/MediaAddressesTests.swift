// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Glibc
import MediaPlane
import PacketIO
import Primitives
import Testing

@testable import BridgeControl
@testable import ControlPlane

@Suite("Media addresses")
struct MediaAddressesTests {
    /// Addresses of loopback's network: all of them can be bound.
    private func loopback(_ number: UInt32) -> TransportAddress {
        TransportAddress(ipv4: 0x7F00_0100 + number, port: 0)
    }
    /// For documentation: no machine has it.
    private let foreign = TransportAddress(ipv4: 0xC000_0201, port: 0)

    private func addresses(port: UInt16 = 0, allowed: Int = 200) -> MediaAddresses {
        var selection = AddressSelection()
        selection.allowedAddresses = (0..<UInt32(allowed)).map { loopback($0) } + [foreign]
        var options = UDPPortOptions()
        (options.receiveBufferBytes, options.sendBufferBytes) = (1 << 16, 1 << 16)
        return MediaAddresses(selection, port: port, options: options)
    }

    private func present(_ list: [TransportAddress]) -> [InterfaceAddress] {
        list.map { InterfaceAddress(name: "eth0", address: $0) }
    }

    /// Changes in words.
    private func words(_ changes: [MediaAddresses.Change]) -> [String] {
        changes.map { change in
            switch change {
            case .bound(let socket, let local): "bound \(socket.local.address.ipText) as \(local)"
            case .refused(let place, _): "refused \(place.address.ipText)"
            case .lost(let place): "lost \(place.address.ipText)"
            case .returned(let place): "returned \(place.address.ipText)"
            case .tooMany(let count): "too many \(count)"
            }
        }
    }

    private func sockets(_ changes: [MediaAddresses.Change]) -> [UDPSocket] {
        changes.compactMap { change in
            if case .bound(let socket, _) = change { socket } else { nil }
        }
    }

    @Test("what can't be bound is left out and told once, the rest is bound on one port")
    func refused() {
        var addresses = addresses()
        let list = present([foreign, loopback(1), loopback(2)])
        let changes = addresses.look(at: list, now: .zero)
        #expect(words(changes) == ["refused 192.0.2.1", "bound 127.0.1.1 as 0", "bound 127.0.1.2 as 1"])
        let ports = Set(sockets(changes).map(\.local.address.port))
        #expect(ports.count == 1 && !ports.contains(0))
        #expect(words(addresses.look(at: list, now: .zero)).isEmpty)
        #expect(addresses.usable.map(\.ipText) == ["127.0.1.1", "127.0.1.2"])
        // Gone and there again: told anew.
        #expect(words(addresses.look(at: present([loopback(1), loopback(2)]), now: .zero)).isEmpty)
        #expect(words(addresses.look(at: list, now: .zero)) == ["refused 192.0.2.1"])
    }

    @Test("what could not be bound is used as soon as it can be")
    func triedAgain() throws {
        let other = try UDPSocket(LocalAddress(loopback(7)))
        let port = other.local.address.port
        var addresses = addresses(port: port)
        let list = present([loopback(7), loopback(8)])
        let changes = addresses.look(at: list, now: .zero)
        guard case .refused(let place, let error) = try #require(changes.first) else {
            Issue.record("\(words(changes))")
            return
        }
        #expect(place.address == loopback(7).with(port: port) && error.errno == EADDRINUSE)
        withExtendedLifetime(other) {}
        _ = consume other
        let later = addresses.look(at: list, now: .zero)
        #expect(words(later) == ["bound 127.0.1.7 as 1"])
        #expect(sockets(later).first?.local.address.port == port)
        #expect(addresses.usable.map(\.ipText) == ["127.0.1.8", "127.0.1.7"])
    }

    @Test("an address that comes later is added; one that goes is not offered until it is back, on the same socket")
    func comeAndGo() {
        var addresses = addresses()
        let first = addresses.look(at: present([loopback(1)]), now: .zero)
        let second = addresses.look(at: present([loopback(2)]), now: .zero)
        #expect(words(second) == ["lost 127.0.1.1", "bound 127.0.1.2 as 1"])
        #expect(addresses.usable.map(\.ipText) == ["127.0.1.2"])
        #expect(words(addresses.look(at: [], now: .zero)) == ["lost 127.0.1.2"])
        #expect(addresses.usable.isEmpty)
        #expect(
            words(addresses.look(at: present([loopback(2), loopback(1)]), now: .zero)) == [
                "returned 127.0.1.1", "returned 127.0.1.2",
            ])
        #expect(addresses.usable.map(\.ipText) == ["127.0.1.1", "127.0.1.2"])
        #expect(first.count == 1)
    }

    @Test("interfaces that are down, or not wanted by the settings, are as good as gone")
    func selection() {
        var addresses = addresses(allowed: 2)
        var down = present([loopback(0), loopback(1), loopback(2)])
        down[1].isUp = false
        #expect(words(addresses.look(at: down, now: .zero)) == ["bound 127.0.1.0 as 0"])
    }

    @Test("more addresses than a port holds are left out and told once; a new one takes the place of the longest gone")
    func many() {
        var addresses = addresses()
        let all = (0..<UInt32(PacketIOLimits.localAddresses) + 5).map { loopback($0) }
        let changes = addresses.look(at: present(all), now: .zero)
        #expect(words(changes).last == "too many 5")
        #expect(sockets(changes).count == PacketIOLimits.localAddresses)
        #expect(words(addresses.look(at: present(all), now: .zero)).isEmpty)
        // Two go, at different times; one more comes.
        let full = Array(all.prefix(PacketIOLimits.localAddresses))
        let rest = full.filter { $0 != loopback(10) }
        #expect(words(addresses.look(at: present(rest), now: .zero)) == ["lost 127.0.1.10"])
        let fewer = rest.filter { $0 != loopback(3) }
        let later = Timestamp.zero + .seconds(5 as Int64)
        #expect(words(addresses.look(at: present(fewer), now: later)) == ["lost 127.0.1.3"])
        #expect(words(addresses.look(at: present(fewer + [loopback(90)]), now: later)) == ["bound 127.0.1.90 as 10"])
        #expect(
            words(addresses.look(at: present(fewer + [loopback(90), loopback(3)]), now: later)) == [
                "returned 127.0.1.3"
            ])
        #expect(addresses.usable.count == PacketIOLimits.localAddresses)
    }

    @Test("a bridge serves on what can be bound, listens on the rest as soon as it can, and offers it from then on")
    func bridge() throws {
        let taken = try UDPSocket(LocalAddress(TransportAddress(ipv6High: 0, low: 1, port: 0)))
        let loop = try ControlLoop()
        let bridge = try quietBridge(
            loop,
            """
            videobridge.ice.udp.port = \(taken.local.address.port)
            ice4j.harvest.allowed-addresses = ["127.0.0.1", "::1"]
            """)
        defer { bridge.workers.stop() }
        let offered = { bridge.directory.settings.candidates.map(\.description.ip) }
        bridge.lookAtAddresses(at: loop.now)
        #expect(offered() == ["127.0.0.1"])
        #expect(bridge.facts.boundAddresses.map(\.ipText) == ["127.0.0.1"])
        withExtendedLifetime(taken) {}
        _ = consume taken
        let isDone = loop.run(for: .seconds(20)) { offered().count == 2 }
        #expect(isDone)
        #expect(offered() == ["127.0.0.1", "::1"])
        #expect(bridge.facts.boundAddresses.map(\.ipText) == ["127.0.0.1", "::1"])
    }
}
