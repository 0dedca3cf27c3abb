// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Where a socket is bound: an address, and for a link-local one the interface that it belongs to.
public struct LocalAddress: Hashable, Sendable {
    /// The address and the port.
    public var address: TransportAddress
    /// Index of the interface (`sin6_scope_id`) of a link-local IPv6 address, which the kernel refuses to bind
    /// without; 0 for all others.
    public var interfaceIndex: UInt32

    /// An address of the machine.
    public init(_ address: TransportAddress, interfaceIndex: UInt32 = 0) {
        self.address = address
        self.interfaceIndex = address.family == .ipv6 && address.isLinkLocal ? interfaceIndex : 0
    }

    /// The same place with another port.
    public func with(port: UInt16) -> LocalAddress {
        LocalAddress(address.with(port: port), interfaceIndex: interfaceIndex)
    }
}

extension LocalAddress: CustomStringConvertible {
    /// Address and port, with the interface's index where it matters.
    public var description: String {
        interfaceIndex == 0 ? address.description : "\(address) on interface \(interfaceIndex)"
    }
}
