// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#endif

extension RealPeers {
    /// Hostile bytes at the doors of a running daemon.
    @Suite("Hostile bytes at the daemon's doors")
    struct HostileDaemonTests {
        private func residentKilobytes(_ bridge: BridgeProcess) throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(bridge.processIdentifier)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
            return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
        }

        /// Random datagrams of all sizes. Making them byte by byte takes time, so they are few and varied later.
        private func pool(_ random: inout SystemRandomNumberGenerator) -> [[UInt8]] {
            [0, 1, 7, 12, 20, 40, 300, 1_200, 9_000, 60_000].flatMap { size in
                (0..<4).map { _ in (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) } }
            }
        }

        private func vary(_ bytes: [UInt8], _ random: inout SystemRandomNumberGenerator) -> [UInt8] {
            var bytes = bytes
            let firsts: [UInt8] = [0, 1, 22, 23, 64, 128, 144, 200, 255]
            if let first = firsts.randomElement(using: &random), !bytes.isEmpty { bytes[0] = first }
            // Half of the STUN-like ones get the cookie, so that they come further in.
            if bytes.count > 8, Bool.random(using: &random) {
                bytes.replaceSubrange(4..<8, with: [0x21, 0x12, 0xA4, 0x42])
            }
            return bytes
        }

        @Test("random datagrams of every class and size are dropped and counted; memory stays, calls still work")
        func datagrams() async throws {
            try await withBridge { bridge in
                let before = try residentKilobytes(bridge)
                var random = SystemRandomNumberGenerator()
                let datagrams = pool(&random)
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = UInt16(bridge.mediaPort).bigEndian
                address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                for _ in 0..<40 {
                    let sender = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
                    for _ in 0..<250 {
                        let bytes = vary(datagrams.randomElement(using: &random) ?? [], &random)
                        _ = withUnsafePointer(to: &address) { pointer in
                            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                                sendto(sender, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                            }
                        }
                    }
                    close(sender)
                }
                #expect(await bridge.get("/about/health")?.status == 200)
                let metrics = await bridge.get("/metrics")?.body ?? ""
                let dropped = metrics.split(separator: "\n").filter { $0.hasPrefix("viaduct_dropped_") }
                    .filter { $0.contains("_total ") && !$0.hasSuffix(" 0.0") }
                #expect(dropped.count >= 3, "\(dropped)")
                #expect(try residentKilobytes(bridge) - before < 12_000)
                let call = try ChildProcess(
                    Repository.products.appendingPathComponent("viaduct-load"),
                    [
                        "--rest", "http://\(bridge.address)", "--participants", "2", "--duration", "2", "--quiet",
                        "--local", "127.0.0.1",
                    ], in: bridge.folder)
                #expect(await call.wait(seconds: 30) == 0, "\(call.output)")
            }
        }

        @Test("an XMPP server that speaks garbage is left and tried again; the bridge stays healthy")
        func garbageServer() async throws {
            let answers = [
                "garbage\0\u{1}<<<>>>", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1'"
                    + " version='1.0'>" + String(repeating: "<a>", count: 5_000),
                "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' a='"
                    + String(repeating: "x", count: 3_000_000),
            ]
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            let port = try freePort(SOCK_STREAM)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            #expect(isBound && listen(listener, 8) == 0)
            let server = Thread {
                for answer in answers {
                    let client = accept(listener, nil, nil)
                    guard client >= 0 else { return }
                    var offset = 0
                    let bytes = Array(answer.utf8)
                    while offset < bytes.count {
                        let count = bytes[offset...].withUnsafeBytes {
                            send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                        }
                        if count <= 0 { break }
                        offset += count
                    }
                    usleep(200_000)
                    close(client)
                }
            }
            server.start()
            let configuration = """
                videobridge.apis.xmpp-client.configs.one {
                  HOSTNAME = 127.0.0.1, PORT = \(port), USERNAME = jvb, PASSWORD = "secret-word", MUC_NICKNAME = one
                  MUC_JIDS = "a@b.test"
                }
                """
            try await withBridge(configuration) { bridge in
                // First attempts come every five seconds; two are enough to see that it goes on.
                for _ in 0..<150 where bridge.log.components(separatedBy: "retry_ms").count < 3 {
                    try await Task.sleep(nanoseconds: 100_000_000)
                }
                #expect(bridge.log.components(separatedBy: "retry_ms").count >= 3, "\(bridge.log)")
                #expect(await bridge.get("/about/health")?.status == 200)
                #expect(!bridge.log.contains("secret-word"))
            }
        }
    }
}
