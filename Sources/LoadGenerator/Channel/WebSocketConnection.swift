// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import OpenSSL
internal import Primitives

/// Where to dial: an address out of a bridge's answer, its host's name looked up.
struct WebSocketTarget: Sendable {
    var url: WebSocketURL
    /// A socket address.
    var address: [UInt8]
}

/// What a poller watches a socket for.
enum SocketWatch: Equatable { case nothing, reading, both }

/// A WebSocket on a socket of its own that never blocks, with TLS where the address asks for it.
///
/// Whoever owns it calls ``handleReady()`` when the socket can be read or written, takes events, and looks at
/// ``wantsWriting`` afterwards.
final class WebSocketConnection {
    /// The socket, for the poller.
    let descriptor: Int32
    private var client: WebSocketClient
    private var tls: TLSClient?
    /// Host and port, for messages.
    let name: String
    private var isConnecting = true
    private var hasEnded = false
    private var backlog: [UInt8] = []

    /// Begins to connect.
    /// - Parameter address: a socket address of the host.
    init(_ url: WebSocketURL, address: [UInt8], random: Random) throws(LoadError) {
        name = url.authority
        client = WebSocketClient(url, random: random)
        do {
            // Anybody's certificate will do: what is measured is the bridge.
            if url.isSecure { tls = try TLSClient(TLSClientSettings(serverName: url.host, verification: .none)) }
        } catch {
            throw .library("TLS: \(error)")
        }
        let family = address.withUnsafeBytes { Int32($0.loadUnaligned(as: sockaddr.self).sa_family) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw .library("socket: \(String(cString: strerror(errno)))") }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        let status = address.withUnsafeBytes {
            connect(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        guard status == 0 || errno == EINPROGRESS else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw .connection("\(name): \(reason)")
        }
    }

    deinit {
        close(descriptor)
    }

    /// The first address of a name, as socket address.
    static func resolve(_ url: WebSocketURL) throws(LoadError) -> [UInt8] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(url.host, String(url.port), &hints, &list)
        guard status == 0 else { throw .connection("\(url.host): \(String(cString: gai_strerror(status)))") }
        defer { freeaddrinfo(list) }
        guard let first = list?.pointee, let address = first.ai_addr else {
            throw .connection("\(url.host): no address")
        }
        return Array(UnsafeRawBufferPointer(start: address, count: Int(first.ai_addrlen)))
    }

    /// Whether the socket is to be watched at all.
    var isAlive: Bool { !hasEnded }

    /// Whether the socket is to be watched for room to write.
    var wantsWriting: Bool { !hasEnded && (isConnecting || !backlog.isEmpty) }

    /// The next thing that came.
    func pollEvent() -> CarrierEvent? { client.pollEvent() }

    /// Sends a text message.
    func send(text: [UInt8]) {
        client.send(text: text)
        flush()
    }

    /// Says goodbye.
    func leave() {
        client.leave()
        flush()
    }

    /// The socket can be read or written, or failed.
    func handleReady() {
        guard !hasEnded else { return }
        if isConnecting {
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
            guard code == 0 else {
                end(String(cString: strerror(code)))
                return
            }
            isConnecting = false
        }
        flush()
        read()
        flush()
    }

    private func read() {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        for _ in 0..<LoadGeneratorLimits.batchesPerSocket {
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count != 0 else {
                end("the bridge hung up")
                return
            }
            guard count > 0 else {
                // Nothing there, or not connected yet.
                if errno != EAGAIN, errno != EINTR, errno != ENOTCONN { end(String(cString: strerror(errno))) }
                return
            }
            take(Array(bytes.prefix(count)))
            if count < bytes.count { return }
        }
    }

    private func take(_ bytes: [UInt8]) {
        guard tls != nil else {
            client.handle(bytes)
            return
        }
        tls?.handle(ciphertext: bytes)
        while let plaintext = tls?.pollPlaintext() { client.handle(plaintext) }
        switch tls?.state {
        case .failed(let reason): end("TLS: \(reason)")
        case .closed: end("the bridge hung up")
        case .handshaking, .connected, nil: break
        }
    }

    /// Writes what the kernel takes.
    private func flush() {
        guard !hasEnded else { return }
        while let bytes = client.pollBytes() {
            if tls != nil { tls?.write(plaintext: bytes) } else { backlog += bytes }
        }
        while let bytes = tls?.pollCiphertext() { backlog += bytes }
        guard !isConnecting, !backlog.isEmpty else { return }
        let count = Glibc.send(descriptor, backlog, backlog.count, Int32(MSG_NOSIGNAL))
        if count > 0 {
            backlog.removeFirst(count)
        } else if errno != EAGAIN, errno != EINTR {
            end(String(cString: strerror(errno)))
        }
        if backlog.count > LoadGeneratorLimits.webSocketBacklog { end("the bridge does not read") }
    }

    private func end(_ reason: String) {
        guard !hasEnded else { return }
        hasEnded = true
        backlog = []
        client.handleEnd("\(name): \(reason)")
    }
}
