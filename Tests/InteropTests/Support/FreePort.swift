// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Ports that tests of this process have got. None is given away twice: the tests run side by side, a port stays unused
/// until its program has started, and while that program is killed and starts again.
private let givenPorts = Mutex<Set<UInt16>>([])

/// A port of 127.0.0.1 that nobody has at the moment and that no other test gets.
/// - Parameter kind: `SOCK_STREAM` or `SOCK_DGRAM`.
func freePort(_ kind: __socket_type = SOCK_STREAM) throws -> UInt16 {
    // Ends: at the latest when the kernel has offered a thousand that were given away.
    for _ in 0..<1_000 {
        let port = try unboundPort(kind)
        if givenPorts.withLock({ $0.insert(port).inserted }) { return port }
    }
    throw SetupError(description: "no free port")
}

private func unboundPort(_ kind: __socket_type) throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(kind.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SetupError(description: "no socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
        }
    }
    guard status == 0 else { throw SetupError(description: "no free port") }
    return UInt16(bigEndian: address.sin_port)
}
