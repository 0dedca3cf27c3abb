// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A TCP connection that sends what a client library never would.
public final class RawClient: Sendable {
    private let descriptor: Int32

    /// Connects to a port of this machine; `nil` when nobody listens.
    /// - Parameter receiveBuffer: bytes that the kernel takes for us before we read; its choice when `nil`.
    public init?(port: UInt16, receiveBuffer: Int32? = nil) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }

    /// Sends bytes.
    public func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Sends text.
    public func send(_ text: String) { send(Array(text.utf8)) }

    /// Says that nothing more will be sent.
    public func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Everything until the server closes, `ending` arrives, or five seconds of silence.
    public func receive(until ending: String? = nil) -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            received += buffer[..<count]
            if let ending, String(decoding: received, as: UTF8.self).contains(ending) { break }
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// What comes next; `nil` when the server closed, or after five seconds of silence.
    public func receiveBytes() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    /// Whether something has come that was not received.
    public var hasAnswer: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 1
    }
}
