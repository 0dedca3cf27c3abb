// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A blocking TCP connection with a deadline on every step. Signalling runs on its own thread, so it may block.
final class TCPConnection {
    private let descriptor: Int32
    /// Host and port, for messages.
    private let name: String

    /// Connects to the first address of `host` that answers.
    init(host: String, port: UInt16, timeoutSeconds: Double) throws(LoadError) {
        name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else { throw .connection("\(host): \(String(cString: gai_strerror(status)))") }
        defer { freeaddrinfo(list) }
        var reason = "no address"
        var next = list
        // Ends: the list is the resolver's answer, closed by a null pointer.
        while let entry = next {
            next = entry.pointee.ai_next
            let socket = Glibc.socket(
                entry.pointee.ai_family, entry.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0 else { continue }
            let whole = Int(timeoutSeconds)
            var limit = timeval(tv_sec: whole, tv_usec: Int((timeoutSeconds - Double(whole)) * 1e6))
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            var on: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            if connect(socket, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 {
                descriptor = socket
                return
            }
            // What the kernel says when the time to send is over.
            reason = errno == EINPROGRESS ? "no answer in time" : String(cString: strerror(errno))
            close(socket)
        }
        throw .connection("\(name): \(reason)")
    }

    deinit {
        close(descriptor)
    }

    /// Sends all of `bytes`.
    func write(_ bytes: [UInt8]) throws(LoadError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                send(descriptor, raw.baseAddress! + offset, raw.count - offset, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .connection("\(name): \(String(cString: strerror(errno)))") }
            offset += count
        }
    }

    /// The next bytes; empty when the peer has hung up.
    func read() throws(LoadError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16_384)
        var count = recv(descriptor, &bytes, bytes.count, 0)
        while count < 0, errno == EINTR { count = recv(descriptor, &bytes, bytes.count, 0) }
        guard count >= 0 else {
            throw .connection("\(name): \(errno == EAGAIN ? "no answer in time" : String(cString: strerror(errno)))")
        }
        // An XMPP server with Nagle's algorithm waits for this; the measured join time should not.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_QUICKACK, &on, socklen_t(MemoryLayout<Int32>.size))
        return Array(bytes.prefix(count))
    }

    /// Ends both directions: the next read finds the end.
    func hangUp() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Waits until there is something to read; the end of the connection is, too.
    func waitReadable(milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, milliseconds) > 0
    }
}

/// Sleeps; signalling and the run's own thread may.
func sleepMilliseconds(_ milliseconds: Int64) {
    usleep(UInt32(clamping: max(milliseconds, 0) * 1_000))
}
