// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// A public address in front of a bound one, from configuration or discovery (media-plane.md 1.5).
public struct AddressMapping: Hashable, Sendable {
    /// The bound address; its port counts only when ``ports`` is set.
    public var localAddress: TransportAddress
    /// What the world sees; its port counts only when ``ports`` is set.
    public var publicAddress: TransportAddress
    /// Bound and public port, when the mapping names both; otherwise ports are assumed to be mapped one to one.
    public var ports: Ports?

    /// The two ports of a mapping that names them.
    public struct Ports: Hashable, Sendable {
        /// The bound port.
        public var local: UInt16
        /// The port the world sees.
        public var external: UInt16
    }

    /// A mapping of addresses, ports one to one.
    public init(localAddress: TransportAddress, publicAddress: TransportAddress) {
        self.localAddress = localAddress
        self.publicAddress = publicAddress
    }

    /// A mapping of one port.
    public init(localAddress: TransportAddress, localPort: UInt16, publicAddress: TransportAddress, publicPort: UInt16)
    {
        self.localAddress = localAddress
        self.publicAddress = publicAddress
        ports = Ports(local: localPort, external: publicPort)
    }

    /// The public address of a host candidate; `nil` when the mapping does not concern it.
    public func publicAddress(of host: TransportAddress) -> TransportAddress? {
        guard host.family == localAddress.family, host.family == publicAddress.family,
            host.high == localAddress.high, host.low == localAddress.low, !publicAddress.isUnspecified,
            publicAddress.with(port: 0) != localAddress.with(port: 0) || ports != nil
        else { return nil }
        guard let ports else { return publicAddress.with(port: host.port) }
        return host.port == ports.local ? publicAddress.with(port: ports.external) : nil
    }
}
