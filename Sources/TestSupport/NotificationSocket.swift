// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// The socket on which a service manager listens (sd_notify(3)).
public final class NotificationSocket: Sendable {
    /// What the process has to be told in `NOTIFY_SOCKET`.
    public let path: String
    private let descriptor: Int32
    private let heard = Mutex<[String]>([])

    /// Listens at `path`; `nil` when the kernel does not let it.
    public init?(_ path: String) {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { return nil }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// Everything heard so far, in order.
    public var messages: [String] {
        read()
        return heard.withLock { $0 }
    }

    /// The same; the next call begins behind it.
    public func takeMessages() -> [String] {
        read()
        return heard.withLock { heard in
            defer { heard = [] }
            return heard
        }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        // Ends when nothing more waits.
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            heard.withLock { $0 += text.split(separator: "\n").map(String.init) }
        }
    }
}
