// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Ports that tests of this process have got. None is given away twice: the tests run side by side, a port stays unused
/// until its program has started, and while that program is killed and starts again.
private let givenPorts = Mutex<Set<UInt16>>([])

/// A port of 127.0.0.1 that nobody has at the moment and that no other test gets.
///
/// None of those that the kernel gives to whoever asks for any port: a socket of another test run might have it before
/// the program does that it is meant for.
/// - Parameter kind: `SOCK_STREAM` or `SOCK_DGRAM`.
func freePort(_ kind: __socket_type = SOCK_STREAM) throws -> UInt16 {
    for _ in 0..<1_000 {
        let port = UInt16.random(in: 12_000..<32_000)
        if isFree(port, kind), givenPorts.withLock({ $0.insert(port).inserted }) { return port }
    }
    throw SetupError(description: "no free port")
}

private func isFree(_ port: UInt16, _ kind: __socket_type) -> Bool {
    let descriptor = socket(AF_INET, Int32(kind.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
