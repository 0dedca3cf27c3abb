// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
internal import Primitives

/// One bound UDP socket, for a ``UDPPort``. It closes with its last owner, so it can be opened in one thread and handed
/// to another.
public final class UDPSocket: Sendable {
    /// The socket, for a ``Poller``.
    public let descriptor: Int32
    /// Where it is bound; the port is the real one where 0 was asked.
    public let local: LocalAddress
    /// Whether trains may be received.
    public let hasGRO: Bool
    /// Receive buffer that the kernel granted, in bytes.
    public let grantedReceiveBufferBytes: Int

    /// Opens a socket and binds it.
    /// - Throws: what the kernel said, with the address in the call's name.
    public init(_ local: LocalAddress, options: UDPPortOptions = UDPPortOptions()) throws(SystemError) {
        descriptor = try SystemError.check(
            viaduct_udp_open(local.address.family.rawValue), "socket for \(local.address)")
        var raw = viaduct_address(local.address)
        raw.scope = local.interfaceIndex
        do throws(SystemError) {
            if options.reusesPort {
                _ = try SystemError.check(viaduct_set_reuse_port(descriptor), "share port of \(local.address)")
            }
            _ = try SystemError.check(viaduct_bind(descriptor, &raw), "bind UDP \(local)")
            _ = try SystemError.check(viaduct_bound_address(descriptor, &raw), "read the address of a socket")
        } catch {
            close(descriptor)
            throw error
        }
        self.local = local.with(port: raw.port)
        let granted = viaduct_set_buffer(descriptor, false, Int32(clamping: options.receiveBufferBytes))
        grantedReceiveBufferBytes = Int(max(granted, 0))
        _ = viaduct_set_buffer(descriptor, true, Int32(clamping: options.sendBufferBytes))
        _ = viaduct_enable_drop_count(descriptor)
        if options.notesArrival { _ = viaduct_enable_arrival_time(descriptor) }
        hasGRO = options.usesGRO && viaduct_enable_gro(descriptor) == 0
    }

    deinit {
        close(descriptor)
    }
}
