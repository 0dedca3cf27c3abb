// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives
import Synchronization
import TestSupport
import Testing

private func readAll(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 8_192)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
}

// The macro copies what it looks at, which a poller does not allow.
private func expectCount(_ count: Int, _ wanted: Int, at location: SourceLocation = #_sourceLocation) {
    #expect(count == wanted, sourceLocation: location)
}

@Suite("Waiting")
struct WaitingTests {
    @Test("a wake from another thread ends the wait; a drain makes it quiet again")
    func wake() throws {
        var poller = try Poller()
        let wakeUp = try WakeUp()
        try poller.add(descriptor: wakeUp.descriptor, token: 42)
        let thread = try PinnedThread.start(name: "waker") {
            wakeUp.wake()
            wakeUp.wake()
        }
        let events = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 8)
        defer { events.deallocate() }
        let now = MonotonicClock.now()
        expectCount(poller.wait(until: now + .seconds(5 as Int64), now: now, into: events), 1)
        #expect(events[0].token == 42 && events[0].isReadable && !events[0].isWritable && !events[0].isHangup)
        thread.join()
        wakeUp.drain()
        expectCount(poller.wait(until: now, now: MonotonicClock.now(), into: events), 0)
    }

    @Test("a deadline ends the wait, not before its time")
    func deadline() throws {
        var poller = try Poller()
        let events = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 8)
        defer { events.deallocate() }
        let start = MonotonicClock.now()
        expectCount(poller.wait(until: start + .microseconds(300), now: start, into: events), 0)
        #expect(MonotonicClock.now() - start >= .microseconds(300))
    }

    @Test("writability and a gone peer are told apart")
    func hangup() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { close(ends[0]) }
        var poller = try Poller()
        let events = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 8)
        defer { events.deallocate() }
        try poller.add(descriptor: ends[0], token: 1, writable: true)
        expectCount(poller.wait(until: .zero, now: .zero, into: events), 1)
        #expect(events[0].isWritable && !events[0].isReadable && !events[0].isHangup)
        try poller.modify(descriptor: ends[0], token: 2, writable: false)
        expectCount(poller.wait(until: .zero, now: .zero, into: events), 0)
        close(ends[1])
        expectCount(poller.wait(until: .zero, now: .zero, into: events), 1)
        #expect(events[0].token == 2 && events[0].isHangup)
        poller.remove(descriptor: ends[0])
        expectCount(poller.wait(until: .zero, now: .zero, into: events), 0)
    }

    @Test("adding a descriptor twice is refused with the call and the reason")
    func twice() throws {
        let poller = try Poller()
        let wakeUp = try WakeUp()
        try poller.add(descriptor: wakeUp.descriptor, token: 1)
        var seen: SystemError?
        do { try poller.add(descriptor: wakeUp.descriptor, token: 1) } catch { seen = error }
        #expect(seen == SystemError(call: "epoll_ctl add", errno: EEXIST))
    }

    @Test("waiting and waking allocate nothing")
    func allocations() throws {
        var poller = try Poller()
        let wakeUp = try WakeUp()
        try poller.add(descriptor: wakeUp.descriptor, token: 1)
        let events = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 8)
        defer { events.deallocate() }
        var seen = 0
        let count = countAllocations {
            for _ in 0..<100 {
                wakeUp.wake()
                seen += poller.wait(until: nil, now: MonotonicClock.now(), into: events)
                wakeUp.drain()
            }
        }
        #expect(count == 0)
        #expect(seen == 100)
    }

    @Test("a thread carries its name, cut to fifteen bytes, and stays on its processor")
    func thread() throws {
        let seen = Mutex("")
        let thread = try PinnedThread.start(name: "media-worker-number-1", cpu: 0) {
            let text = readAll("/proc/thread-self/status")
            seen.withLock { $0 = text }
        }
        thread.join()
        thread.join()
        let status = seen.withLock { $0 }
        #expect(status.hasPrefix("Name:\tmedia-worker-nu\n"))
        #expect(status.contains("Cpus_allowed_list:\t0\n"))
    }

    @Test("a thread stays off a processor, where there is another")
    func leave() throws {
        let seen = Mutex(("", ""))
        let thread = try PinnedThread.start(name: "other") {
            let before = readAll("/proc/thread-self/status")
            PinnedThread.leave(cpu: 0)
            let after = readAll("/proc/thread-self/status")
            PinnedThread.leave(cpu: -1)
            seen.withLock { $0 = (before, after) }
        }
        thread.join()
        func processors(_ status: String) -> Substring? {
            status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        }
        let (before, after) = seen.withLock { $0 }
        let first = try #require(processors(before))
        let last = try #require(processors(after))
        #expect(last == "Cpus_allowed_list:\t0" ? first == last : !last.hasPrefix("Cpus_allowed_list:\t0"))
    }

    @Test("the clocks run")
    func clocks() {
        let first = MonotonicClock.now()
        #expect(MonotonicClock.now() >= first)
        #expect(WallClock.nanosecondsSinceEpoch() > 1_700_000_000_000_000_000)
    }
}
