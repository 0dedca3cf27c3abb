// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import PacketIO
import Primitives
import Testing

@testable import ControlPlane

@Suite("Control loop")
struct LoopTests {
    /// A task that counts.
    private final class Ticker: LoopTask {
        var next: Timestamp?
        var ticks = 0
        var hasWork = false

        var nextTimeout: Timestamp? { next }

        func handleTimeout(at now: Timestamp) {
            ticks += 1
            next = now + .milliseconds(1)
        }

        func prepareToWait() -> Bool { !hasWork }
    }

    /// A task around one TCP connection.
    private final class Client: LoopTask {
        var connection: TCPConnection?
        var isConnected = false
        var received: [UInt8] = []
        var end: String?

        var nextTimeout: Timestamp? { connection?.nextTimeout }

        func handleTimeout(at now: Timestamp) { take(connection?.connect(at: now)) }

        func handle(_ event: PollEvent, at now: Timestamp) {
            if connection?.owns(event) == true { take(connection?.handle(event, at: now)) }
        }

        func take(_ outcome: TCPConnection.Outcome?) {
            switch outcome {
            case .connected?: isConnected = true
            case .bytes(let bytes)?: received += bytes
            case .ended(let reason)?: end = reason
            case .nothing?, nil: break
            }
        }
    }

    private func listener() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
            }
        }
        try #require(result == 0 && listen(descriptor, 8) == 0)
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// Loopback's address with a port, as the look-up gives it.
    private func addresses(_ loop: ControlLoop, _ host: String, _ port: UInt16) throws -> [SocketAddress] {
        let resolver = try Resolver(loop: loop)
        defer { resolver.stop() }
        var result: [SocketAddress] = []
        resolver.resolve(host: host, port: port, at: loop.now) { outcome, _ in
            if case .addresses(let list) = outcome { result = list }
        }
        return result
    }

    @Test("tasks are called when they asked to be, and the loop stops when told")
    func timers() throws {
        let loop = try ControlLoop()
        let ticker = Ticker()
        ticker.next = loop.now
        loop.add(ticker)
        #expect(loop.run(for: .seconds(10)) { ticker.ticks >= 5 })
        loop.remove(ticker)
        #expect(!loop.run(for: .milliseconds(5)) { ticker.ticks > 100 })
        loop.stop()
        loop.run()
    }

    @Test("time in which the process did not run brings no deadline nearer, and is told")
    func pause() throws {
        /// Sleeps once without the loop's knowledge, as a stopped process does.
        final class Sleeper: LoopTask {
            var deadline: Timestamp?
            var early = 0
            var pauses: [TimeDelta] = []
            var hasSlept = false

            var nextTimeout: Timestamp? { deadline }

            func handleTimeout(at now: Timestamp) {
                early += 1
                deadline = nil
            }

            func didPause(_ pause: TimeDelta, at now: Timestamp) { pauses.append(pause) }

            func didWait(at now: Timestamp) {
                guard !hasSlept else { return }
                hasSlept = true
                deadline = now + .milliseconds(700)
                usleep(900_000)
            }
        }
        let loop = try ControlLoop()
        let sleeper = Sleeper()
        sleeper.deadline = loop.now + .milliseconds(5)
        loop.add(sleeper)
        let begin = loop.now
        let realBegin = MonotonicClock.now()
        #expect(loop.run(for: .seconds(10)) { sleeper.pauses.count == 1 })
        #expect(sleeper.pauses[0] >= .milliseconds(890))
        #expect(loop.run(for: .seconds(10)) { sleeper.deadline == nil })
        // The whole deadline has passed beside the pause, in which the loop's clock stood still.
        #expect(loop.now - begin >= .milliseconds(700))
        #expect(MonotonicClock.now() - realBegin >= .milliseconds(1_590))
        #expect(sleeper.early == 1)
    }

    @Test("a task with work keeps the loop from sleeping")
    func busy() throws {
        let loop = try ControlLoop()
        let ticker = Ticker()
        ticker.hasWork = true
        loop.add(ticker)
        var turns = 0
        #expect(
            loop.run(for: .seconds(10)) {
                turns += 1
                return turns == 1_000
            })
    }

    @Test("literal addresses are known at once, names come from the look-up thread, nonsense fails")
    func lookUps() throws {
        let loop = try ControlLoop()
        #expect(try addresses(loop, "127.0.0.1", 80).map(\.family) == [AF_INET])
        #expect(try addresses(loop, "::1", 80).map(\.family) == [AF_INET6])
        let resolver = try Resolver(loop: loop)
        defer { resolver.stop() }
        var outcomes: [String: Resolver.Outcome] = [:]
        for host in ["localhost", "no such name"] {
            resolver.resolve(host: host, port: 80, at: loop.now) { outcome, _ in outcomes[host] = outcome }
        }
        #expect(outcomes.isEmpty)
        #expect(loop.run(for: .seconds(30)) { outcomes.count == 2 })
        guard case .addresses(let list)? = outcomes["localhost"], case .failure(let reason)? = outcomes["no such name"]
        else {
            #expect(Bool(false), "\(outcomes)")
            return
        }
        #expect(!list.isEmpty)
        #expect(!reason.isEmpty)
    }

    @Test("a name that takes long to look up does not hold up another")
    func slowName() throws {
        let loop = try ControlLoop()
        let isReleased = DispatchSemaphore(value: 0)
        let resolver = try Resolver(loop: loop) { host, _ in
            if host == "slow" { isReleased.wait() }
            return .failure(host)
        }
        defer { resolver.stop() }
        var answered: [String] = []
        for host in ["slow", "quick"] {
            resolver.resolve(host: host, port: 1, at: loop.now) { outcome, _ in
                if case .failure(let name) = outcome { answered.append(name) }
            }
        }
        #expect(loop.run(for: .seconds(10)) { answered == ["quick"] })
        isReleased.signal()
        #expect(loop.run(for: .seconds(10)) { answered == ["quick", "slow"] })
    }

    @Test("look-ups beyond the limit fail at once instead of piling up")
    func tooManyLookUps() throws {
        let loop = try ControlLoop()
        let isReleased = DispatchSemaphore(value: 0)
        let resolver = try Resolver(loop: loop) { host, _ in
            isReleased.wait()
            return .failure(host)
        }
        defer { resolver.stop() }
        var failures = 0
        for index in 0..<(3 * ControlPlaneLimits.pendingLookUps) {
            resolver.resolve(host: "name\(index).invalid", port: 80, at: loop.now) { outcome, _ in
                if case .failure("too many name look-ups") = outcome { failures += 1 }
            }
        }
        #expect(failures == 2 * ControlPlaneLimits.pendingLookUps)
        for _ in 0..<ControlPlaneLimits.pendingLookUps { isReleased.signal() }
    }

    @Test("the next address is tried when the first refuses, and bytes go both ways")
    func connects() throws {
        let (descriptor, port) = try listener()
        defer { close(descriptor) }
        let (closed, closedPort) = try listener()
        close(closed)
        let loop = try ControlLoop()
        let client = Client()
        loop.add(client)
        let list = try addresses(loop, "127.0.0.1", closedPort) + addresses(loop, "127.0.0.1", port)
        let connection = TCPConnection(loop: loop, owner: client, addresses: list)
        client.connection = connection
        client.take(connection.connect(at: loop.now))
        try #require(loop.run(for: .seconds(10)) { client.isConnected })
        #expect(connection.write(Array("hello".utf8)) == nil)
        let peer = accept(descriptor, nil, nil)
        var buffer = [UInt8](repeating: 0, count: 64)
        #expect(recv(peer, &buffer, 64, 0) == 5)
        #expect(buffer.prefix(5) == Array("hello".utf8)[...])
        #expect(send(peer, "world", 5, 0) == 5)
        #expect(loop.run(for: .seconds(10)) { client.received == Array("world".utf8) })
        close(peer)
        #expect(loop.run(for: .seconds(10)) { client.end == "closed by the server" })
        connection.close()
        #expect(!connection.isOpen)
    }

    @Test("the last words of a peer that closes are read although writing to it fails before")
    func lastWords() throws {
        let (descriptor, port) = try listener()
        defer { close(descriptor) }
        let loop = try ControlLoop()
        let client = Client()
        loop.add(client)
        let list = try addresses(loop, "127.0.0.1", port)
        let connection = TCPConnection(loop: loop, owner: client, addresses: list)
        client.connection = connection
        client.take(connection.connect(at: loop.now))
        try #require(loop.run(for: .seconds(10)) { client.isConnected })
        let peer = accept(descriptor, nil, nil)
        // What the peer has not read makes its close a reset, after which writing fails.
        #expect(connection.write(Array("unread".utf8)) == nil)
        var wait = pollfd(fd: peer, events: Int16(POLLIN), revents: 0)
        #expect(poll(&wait, 1, 10_000) == 1)
        #expect(send(peer, "farewell", 8, 0) == 8)
        close(peer)
        for _ in 0..<20 {
            #expect(connection.write(Array("more".utf8)) == nil)
            usleep(1_000)
        }
        #expect(loop.run(for: .seconds(10)) { client.end != nil })
        #expect(String(decoding: client.received, as: UTF8.self) == "farewell")
        connection.close()
    }

    @Test("a refusal is told in words, and a peer that does not read loses the connection")
    func refusals() throws {
        let (closed, closedPort) = try listener()
        close(closed)
        let loop = try ControlLoop()
        let client = Client()
        loop.add(client)
        let refused = TCPConnection(
            loop: loop, owner: client, addresses: try addresses(loop, "127.0.0.1", closedPort))
        client.connection = refused
        client.take(refused.connect(at: loop.now))
        #expect(loop.run(for: .seconds(10)) { client.end == "Connection refused" })

        let (descriptor, port) = try listener()
        defer { close(descriptor) }
        let stuck = Client()
        loop.add(stuck)
        let connection = TCPConnection(loop: loop, owner: stuck, addresses: try addresses(loop, "127.0.0.1", port))
        stuck.connection = connection
        stuck.take(connection.connect(at: loop.now))
        #expect(loop.run(for: .seconds(10)) { stuck.isConnected })
        var failure: String?
        // The kernel takes some megabytes, then the limit of our own buffer counts.
        for _ in 0..<64 where failure == nil { failure = connection.write([UInt8](repeating: 1, count: 1 << 20)) }
        #expect(failure == "the server does not read")
    }
}
