// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An address as the kernel wants it, from a name look-up.
struct SocketAddress: Hashable, Sendable {
    /// `AF_INET` or `AF_INET6`.
    var family: Int32
    /// The `sockaddr`'s bytes.
    var bytes: [UInt8]
}
