// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// The socket on which a service manager listens (sd_notify(3)).
final class NotificationSocket: Sendable {
    private let descriptor: Int32
    private let path: String
    private let heard = Mutex<[String]>([])

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// What was read, in order.
    var messages: [String] { heard.withLock { $0 } }

    /// The same; the next call begins behind it.
    func takeMessages() -> [String] {
        heard.withLock { heard in
            defer { heard = [] }
            return heard
        }
    }

    /// Reads what has come, or what comes within some seconds up to `STOPPING=1`.
    func read(seconds: Int = 0) {
        let end = Date().addingTimeInterval(Double(seconds))
        var buffer = [UInt8](repeating: 0, count: 256)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                let text = String(decoding: buffer[..<count], as: UTF8.self)
                heard.withLock { $0.append(text) }
                if text == "STOPPING=1" { return }
            } else {
                guard Date() < end else { return }
                usleep(1_000)
            }
        }
    }
}
