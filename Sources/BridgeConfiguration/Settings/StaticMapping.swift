// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// A local address and the public one that peers reach it by.
public struct StaticMapping: Sendable, Hashable {
    /// The local address; its port is zero unless the mapping is for one port.
    public var local: TransportAddress
    /// The public address; port zero means the port of the local candidate.
    public var `public`: TransportAddress
    /// A label.
    public var name: String?

    /// Reads one element of `ice4j.harvest.mapping.static-mappings`.
    init(_ node: ConfigurationNode) throws(ConfigurationError) {
        guard let object = node.object else {
            throw ConfigurationError(at: node.location, "a static mapping must be an object, not \(node.kindName)")
        }
        let localPort = try Self.port("local-port", in: object)
        let publicPort = try Self.port("public-port", in: object)
        guard (localPort == nil) == (publicPort == nil) else {
            throw ConfigurationError(at: node.location, "a static mapping needs local-port and public-port, or neither")
        }
        local = try Self.address("local-address", in: object, port: localPort ?? 0, at: node.location)
        `public` = try Self.address("public-address", in: object, port: publicPort ?? 0, at: node.location)
        name = object["name"]?.text
    }

    private static func port(_ name: String, in object: ConfigurationObject) throws(ConfigurationError) -> UInt16? {
        guard let node = object[name] else { return nil }
        guard let text = node.text, let port = UInt16(text), port > 0 else {
            throw ConfigurationError(at: node.location, "\(name) must be a port from 1 to 65535")
        }
        return port
    }

    private static func address(
        _ name: String, in object: ConfigurationObject, port: UInt16, at location: SourceLocation
    ) throws(ConfigurationError) -> TransportAddress {
        guard let node = object[name] else {
            throw ConfigurationError(at: location, "a static mapping needs \(name)")
        }
        guard let text = node.text, let address = TransportAddress(ip: text, port: port) else {
            throw ConfigurationError(at: node.location, "\(name) must be an IP address")
        }
        return address
    }
}
