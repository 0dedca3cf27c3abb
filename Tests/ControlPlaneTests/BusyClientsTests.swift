// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import WebServer

@testable import ControlPlane

@Suite("Bridge with busy HTTP clients")
struct BusyClientsTests {
    @Test("a turn of the control loop answers so many requests, and does not sleep while others wait")
    func share() throws {
        let loop = try ControlLoop()
        let bridge = try quietBridge(loop, "videobridge.http-servers.private.port = 0")
        let port = try #require(bridge.web).port
        let share = ControlPlaneLimits.requestsPerTurn
        let clients = (0..<3 * share).map { _ in client(port) }
        defer { clients.forEach { close($0) } }
        try #require(clients.allSatisfy { $0 >= 0 })
        // The web thread hands all of them over.
        usleep(300_000)
        bridge.didWait(at: loop.now)
        usleep(300_000)
        #expect((1...share).contains(clients.count { hasAnswer($0) }))
        var turns = 1
        while !bridge.prepareToWait(), turns < 100 {
            bridge.didWait(at: loop.now)
            turns += 1
        }
        bridge.didWait(at: loop.now)
        usleep(300_000)
        #expect(clients.allSatisfy { hasAnswer($0) })
        #expect(turns >= 3)
    }

    /// A connection with one request on its way.
    private func client(_ port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let request = Array("GET /about/version HTTP/1.1\r\nHost: bridge\r\n\r\n".utf8)
        guard result == 0, send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    private func hasAnswer(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 1
    }
}
