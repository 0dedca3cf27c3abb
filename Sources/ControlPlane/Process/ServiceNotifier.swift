// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Primitives

/// Tells systemd how the process is (sd_notify(3)): datagrams to the socket named by `NOTIFY_SOCKET`.
///
/// Without the variable every call does nothing.
struct ServiceNotifier {
    private let path: String?
    /// How often systemd wants to hear from us; `nil` when it does not watch.
    let watchdogInterval: TimeDelta?

    init(environment: [String: String]) {
        let path = environment["NOTIFY_SOCKET"] ?? ""
        self.path = path.hasPrefix("/") || path.hasPrefix("@") ? path : nil
        // sd_watchdog_enabled(3): half the limit, unless it is for the process whose variables we have inherited.
        let limit = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        let isOurs = environment["WATCHDOG_PID"].map { Int32($0) == getpid() } ?? true
        watchdogInterval = isOurs && limit > 0 && limit < 1 << 40 ? .microseconds(limit / 2) : nil
    }

    func ready() { send("READY=1", waits: true) }
    func stopping() { send("STOPPING=1", waits: true) }
    /// May be lost when systemd is busy; the next one comes in time.
    func watchdog() { send("WATCHDOG=1", waits: false) }

    /// - Parameter waits: for room in systemd's queue, a second at most: without READY the start would count as failed.
    private func send(_ state: String, waits: Bool) {
        guard let path else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        // A leading @ stands for the abstract name space.
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path).map { $0 + bytes.count } ?? 0)
        let text = Array(state.utf8)
        _ = withUnsafeBytes(of: &address) { raw in
            sendto(
                socket, text, text.count, Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT)),
                raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
        }
    }
}
