// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
public import Primitives

/// An address of a network interface.
public struct InterfaceAddress: Hashable, Sendable {
    /// Name of the interface, such as `eth0`.
    public var name: String
    /// The address, port 0.
    public var address: TransportAddress
    /// Whether the interface is switched on.
    public var isUp: Bool
    /// Whether it is a loopback interface.
    public var isLoopback: Bool
    /// Whether it leads to a single peer, as tunnels do.
    public var isPointToPoint: Bool
    /// The index of the interface, as it stands in a link-local address; 0 elsewhere.
    public var interfaceIndex: UInt32

    /// An address of interface `name`.
    public init(
        name: String, address: TransportAddress, isUp: Bool = true, isLoopback: Bool = false,
        isPointToPoint: Bool = false, interfaceIndex: UInt32 = 0
    ) {
        self.name = name
        self.address = address
        self.isUp = isUp
        self.isLoopback = isLoopback
        self.isPointToPoint = isPointToPoint
        self.interfaceIndex = interfaceIndex
    }
}

/// Which of the machine's addresses the bridge uses (media-plane.md 1.1).
public struct AddressSelection: Hashable, Sendable {
    /// Interfaces to use; when not empty the list of blocked ones does not matter.
    public var allowedInterfaces: [String] = []
    /// Interfaces not to use.
    public var blockedInterfaces: [String] = []
    /// Addresses to use (their ports do not matter); when not empty the list of blocked ones does not matter.
    public var allowedAddresses: [TransportAddress] = []
    /// Addresses not to use.
    public var blockedAddresses: [TransportAddress] = []
    /// Whether IPv6 addresses are used.
    public var usesIPv6 = true
    /// Whether link-local addresses are used.
    public var usesLinkLocal = false

    /// Every address but loopback and link-local ones.
    public init() {}

    /// Whether `candidate` is used.
    ///
    /// A loopback address is used only where it is allow-listed by name: an addition of Viaduct, for tests and demos
    /// on one machine.
    public func accepts(_ candidate: InterfaceAddress) -> Bool {
        let address = candidate.address.with(port: 0)
        guard candidate.isUp, !address.isUnspecified else { return false }
        if !allowedInterfaces.isEmpty {
            guard allowedInterfaces.contains(candidate.name) else { return false }
        } else if blockedInterfaces.contains(candidate.name) {
            return false
        }
        if address.family == .ipv6, !usesIPv6 { return false }
        if !allowedAddresses.isEmpty {
            guard allowedAddresses.contains(where: { $0.with(port: 0) == address }) else { return false }
        } else if blockedAddresses.contains(where: { $0.with(port: 0) == address }) {
            return false
        }
        if candidate.isLoopback || address.isLoopback { return !allowedAddresses.isEmpty }
        return usesLinkLocal || !address.isLinkLocal
    }
}

/// The machine's network interfaces.
public enum NetworkInterfaces {
    /// All IP addresses of all interfaces, in the kernel's order.
    public static func addresses() throws(SystemError) -> [InterfaceAddress] {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&head) == 0 else { throw SystemError(call: "getifaddrs", errno: errno) }
        defer { freeifaddrs(head) }
        var result: [InterfaceAddress] = []
        var next = head
        // Ends: the list is the kernel's answer, closed by a null pointer.
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let name = entry.pointee.ifa_addr, let (address, scope) = address(name) else { continue }
            let flags = Int(entry.pointee.ifa_flags)
            result.append(
                InterfaceAddress(
                    name: String(cString: entry.pointee.ifa_name),
                    address: address,
                    isUp: flags & Int(IFF_UP) != 0,
                    isLoopback: flags & Int(IFF_LOOPBACK) != 0,
                    isPointToPoint: flags & Int(IFF_POINTOPOINT) != 0, interfaceIndex: scope))
        }
        return result
    }

    /// Those of `candidates` that `selection` accepts, without repetition, in their order.
    ///
    /// The same link-local address on two interfaces is two places.
    public static func select(_ candidates: [InterfaceAddress], _ selection: AddressSelection) -> [LocalAddress] {
        var result: [LocalAddress] = []
        for candidate in candidates where selection.accepts(candidate) {
            let place = LocalAddress(candidate.address.with(port: 0), interfaceIndex: candidate.interfaceIndex)
            if !result.contains(place) { result.append(place) }
        }
        return result
    }

    /// The local address (port 0) from which the routing table reaches `remote`.
    public static func sourceAddress(towards remote: TransportAddress) throws(SystemError) -> TransportAddress {
        var target = viaduct_address(remote)
        var found = viaduct_address()
        _ = try SystemError.check(viaduct_route_source(&target, &found), "find a route to \(remote)")
        guard let address = TransportAddress(found) else {
            throw SystemError(call: "find a route to \(remote)", errno: EAFNOSUPPORT)
        }
        return address
    }

    private static func address(_ name: UnsafeMutablePointer<sockaddr>) -> (TransportAddress, scope: UInt32)? {
        switch Int32(name.pointee.sa_family) {
        case AF_INET:
            return name.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { v4 in
                (TransportAddress(ipv4: UInt32(bigEndian: v4.pointee.sin_addr.s_addr), port: 0), 0)
            }
        case AF_INET6:
            return name.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { v6 in
                let address = withUnsafeBytes(of: v6.pointee.sin6_addr) { bytes in
                    TransportAddress(
                        ipv6High: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)), port: 0)
                }
                return (address, v6.pointee.sin6_scope_id)
            }
        default:
            return nil
        }
    }
}
