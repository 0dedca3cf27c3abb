// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import OpenSSL
import Primitives
import Testing

/// The operator's prefix of user fragments, by which a load balancer routes (feature table, row 76), from the file to
/// the wire.
@Suite("Daemon: user fragments")
struct DaemonUserFragmentTests {
    private static let prefix = "node7/"

    /// The fragment and password of an endpoint that is made over HTTP.
    private func endpoint(_ id: String, on daemon: Daemon) async throws -> (fragment: String, password: String) {
        let request = """
            {"meeting-id":"\(id)","name":"\(id)@conference.test","create":true,"endpoints":[{"id":"aaaaaaaa",
            "create":true,"capabilities":["source-names"],"transport":{"ice-controlling":true}}]}
            """
        let answer = try await daemon.curl(
            "/colibri/v2/conferences", ["-H", "Content-Type: application/json", "-d", request])
        let fragment = try #require(answer.body.firstMatch(of: #/"ufrag"\s*:\s*"([^"]+)"/#), "\(answer)")
        let password = try #require(answer.body.firstMatch(of: #/"pwd"\s*:\s*"([^"]+)"/#), "\(answer)")
        return (String(fragment.1).replacing("\\/", with: "/"), String(password.1))
    }

    /// A Binding request as a controlled agent sends it (RFC 8445 §7.2.2, RFC 8489 §14).
    private func check(fragment: String, password: String, transaction: UInt8) -> [UInt8] {
        func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
            [UInt8(type >> 8), UInt8(type & 0xFF), 0, UInt8(value.count)] + value
                + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
        }
        var message: [UInt8] = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: transaction, count: 12)
        message += attribute(0x0006, Array((fragment + ":abcd").utf8))
        message += attribute(0x0024, [0x6E, 0, 1, 0xFF])
        message += attribute(0x8029, [UInt8](repeating: 9, count: 8))
        message[3] = UInt8(message.count - 20 + 24)
        message += attribute(0x0008, MessageDigest.hmacSHA1(key: Array(password.utf8), message.rawSpan))
        message[3] = UInt8(message.count - 20 + 8)
        var checksum: UInt32 = 0xFFFF_FFFF
        for byte in message {
            checksum ^= UInt32(byte)
            for _ in 0..<8 { checksum = checksum >> 1 ^ (checksum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        let mark = ~checksum ^ 0x5354_554E
        return message + attribute(0x8028, (0..<4).map { UInt8(truncatingIfNeeded: mark >> (24 - 8 * UInt32($0))) })
    }

    @Test("a prefix of user fragments from the file begins each one that is offered, and checks with it are answered")
    func prefix() async throws {
        try await withDaemon("videobridge.ice.ufrag-prefix = \"\(Self.prefix)\"") { daemon in
            let first = try await endpoint("first", on: daemon)
            let second = try await endpoint("second", on: daemon)
            for offered in [first, second] {
                #expect(offered.fragment.hasPrefix(Self.prefix))
                #expect(offered.fragment.count > Self.prefix.count + 8)
            }
            #expect(first.fragment != second.fragment)
            let socket = try UDPSocket(port: 0)
            let port = UInt16(daemon.mediaPort)
            for (number, offered) in [first, second].enumerated() {
                let transaction = UInt8(number + 1)
                socket.send(
                    check(fragment: offered.fragment, password: offered.password, transaction: transaction), to: port)
                // The bridge's own checks may come first.
                var answer: [UInt8]?
                for _ in 0..<20 where answer == nil {
                    guard let datagram = socket.receive(milliseconds: 2_000)?.datagram else { break }
                    if datagram.starts(with: [0x01, 0x01]) { answer = datagram }
                }
                #expect(answer?[8..<20].allSatisfy { $0 == transaction } == true, "\(daemon.log)")
            }
            // Without the prefix it is nobody's.
            let bare = String(first.fragment.dropFirst(Self.prefix.count))
            socket.send(check(fragment: bare, password: first.password, transaction: 3), to: port)
            #expect(
                try await daemon.wait {
                    let metrics = try await daemon.metrics()
                    return metrics.contains { $0.key.hasSuffix("dropped_unknown_fragment_total") && $0.value > 0 }
                })
            // A whole call lives on it.
            let call = try LoadCall(on: daemon, seconds: 2)
            #expect(await call.wait() == 0, "\(call.text)")
            #expect(try call.outcome().perfect)
        }
    }
}
