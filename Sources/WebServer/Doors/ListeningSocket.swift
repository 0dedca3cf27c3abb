// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Primitives

/// The listening TCP socket, opened at once so that a failure can be named; closed with the value.
final class ListeningSocket: Sendable {
    let descriptor: Int32
    /// The port in use.
    let port: UInt16

    /// Binds and listens; non-blocking, close-on-exec.
    /// - Parameters:
    ///   - host: an address, `localhost`, or empty for all addresses of both families.
    ///   - setting: where host and port stand in the configuration, for what goes wrong.
    init(host: String, port: UInt16, setting: String) throws(HTTPServerError) {
        let isAnywhere = host.isEmpty
        var name = host == "localhost" ? "127.0.0.1" : host
        if isAnywhere { name = Self.hasIPv6 ? "::" : "0.0.0.0" }
        guard let address = TransportAddress(ip: name, port: port) else {
            throw HTTPServerError("HTTP server: \"\(host)\" is not an IP address; set \(setting).host to one")
        }
        let family = address.family == .ipv4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | 0o4000 | 0o2000000, 0)
        guard descriptor >= 0 else { throw Self.failure("open a socket", name, port, setting) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        if isAnywhere, family == AF_INET6 {
            var zero: Int32 = 0
            setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &zero, 4)
        }
        guard Self.bind(descriptor, to: address) == 0, listen(descriptor, WebServerLimits.backlog) == 0 else {
            let error = Self.failure("listen", name, port, setting)
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.port = Self.boundPort(descriptor) ?? port
    }

    deinit { close(descriptor) }

    /// Takes a connection.
    /// - Returns: its descriptor, non-blocking and close-on-exec; -errno when there is none.
    func accept() -> Int32 {
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { return -errno }
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
        // Answers leave in one write each; waiting for more would only make them late.
        var one: Int32 = 1
        setsockopt(accepted, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        return accepted
    }

    /// Whether this machine speaks IPv6.
    private static var hasIPv6: Bool {
        let probe = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        if probe >= 0 { close(probe) }
        return probe >= 0
    }

    private static func failure(
        _ action: String, _ host: String, _ port: UInt16, _ setting: String
    ) -> HTTPServerError {
        let cure =
            switch errno {
            case EADDRINUSE:
                "another program uses this port; stop it or set \(setting).port"
            case EADDRNOTAVAIL:
                "no interface has this address; set \(setting).host"
            case EACCES:
                "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); set \(setting).port"
            default: String(cString: strerror(errno))
            }
        return HTTPServerError("HTTP server: cannot \(action) on \(host) port \(port): \(cure)")
    }

    private static func bind(_ descriptor: Int32, to address: TransportAddress) -> Int32 {
        if address.family == .ipv4 {
            var socketAddress = sockaddr_in()
            socketAddress.sin_family = sa_family_t(AF_INET)
            socketAddress.sin_port = address.port.bigEndian
            socketAddress.sin_addr.s_addr = address.ipv4.bigEndian
            return withUnsafePointer(to: &socketAddress) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        var socketAddress = sockaddr_in6()
        socketAddress.sin6_family = sa_family_t(AF_INET6)
        socketAddress.sin6_port = address.port.bigEndian
        withUnsafeMutableBytes(of: &socketAddress.sin6_addr) { bytes in
            bytes.storeBytes(of: address.high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return withUnsafePointer(to: &socketAddress) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }

    /// `sin_port` and `sin6_port` lie at the same place.
    private static func boundPort(_ descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
        return withUnsafeBytes(of: &storage) { UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) }
    }
}
