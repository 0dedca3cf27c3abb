// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives
import Testing

@testable import ControlPlane

/// A pipe whose ends the test closes.
private final class TestPipe {
    private(set) var reader: Int32
    let writer: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        closeReader()
        close(writer)
    }

    func closeReader() {
        if reader >= 0 { close(reader) }
        reader = -1
    }

    /// Reads lines until `isDone` says so or the writer is gone, for ten seconds at most.
    func lines(until isDone: ([Substring]) -> Bool) -> [String] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        let end = MonotonicClock.now() + .seconds(10 as Int64)
        while MonotonicClock.now() < end {
            var ready = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 100) > 0 else { continue }
            let count = read(reader, &piece, piece.count)
            guard count > 0 else { break }
            bytes += piece.prefix(count)
            if bytes.last == UInt8(ascii: "\n"), isDone(String(decoding: bytes, as: UTF8.self).split(separator: "\n")) {
                break
            }
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func lines(until last: String) -> [String] { lines { $0.last.map(String.init) == last } }
}

@Suite("LogWriter")
struct LogWriterTests {
    private func writer(_ pipe: TestPipe) throws -> LogWriter {
        try LogWriter(descriptor: pipe.writer) { "\($0) dropped" }
    }

    @Test("lines come out in their order, all of them written when the end has been waited for")
    func order() throws {
        let pipe = try TestPipe()
        let writer = try writer(pipe)
        for number in 0..<500 { writer.write("line \(number)") }
        writer.finish()
        #expect(pipe.lines(until: "line 499") == (0..<500).map { "line \($0)" })
    }

    @Test("nobody waits for a reader that does not read; what is dropped is counted, and told when it reads again")
    func stalled() throws {
        let pipe = try TestPipe()
        let writer = try writer(pipe)
        let text = String(repeating: "x", count: 999)
        let begin = MonotonicClock.now()
        let count = 2 * ControlPlaneLimits.logBufferBytes / 1_000
        for _ in 0..<count { writer.write(text) }
        #expect(MonotonicClock.now() - begin < .seconds(5 as Int64))
        // It reads again. Lines are taken again as soon as the drops are on their way to be told.
        func dropped(_ lines: [Substring]) -> Int {
            lines.reduce(0) { $0 + ($1.hasSuffix(" dropped") ? Int($1.dropLast(" dropped".count)) ?? 0 : 0) }
        }
        let lines = pipe.lines { $0.count { $0.hasPrefix("x") } + dropped($0) >= count }.map { $0[...] }
        #expect(dropped(lines) > 0)
        #expect(lines.count { $0 == text } + dropped(lines) == count)
        writer.write("after")
        #expect(pipe.lines(until: "after") == ["after"])
        writer.finish()
    }

    @Test("the end waits for a reader that does not read, but not for ever")
    func endWithoutReading() throws {
        let pipe = try TestPipe()
        let writer = try writer(pipe)
        for _ in 0..<1_000 { writer.write(String(repeating: "x", count: 999)) }
        let begin = MonotonicClock.now()
        writer.finish()
        let time = MonotonicClock.now() - begin
        #expect(time >= ControlPlaneLimits.logEndTime - .milliseconds(10) && time < .seconds(5 as Int64))
        // Lets the thread go.
        pipe.closeReader()
    }

    @Test("a reader that is gone ends nothing")
    func readerGone() throws {
        let pipe = try TestPipe()
        let writer = try writer(pipe)
        writer.write("heard")
        #expect(pipe.lines(until: "heard") == ["heard"])
        pipe.closeReader()
        for _ in 0..<100 { writer.write("unheard") }
        writer.finish()
    }

    @Test("a descriptor that does not block is waited for by the thread, not by those who log")
    func nonBlocking() throws {
        let pipe = try TestPipe()
        _ = fcntl(pipe.writer, F_SETFL, O_NONBLOCK)
        let writer = try writer(pipe)
        let text = String(repeating: "y", count: 999)
        for _ in 0..<300 { writer.write(text) }
        writer.write("last")
        let lines = pipe.lines(until: "last")
        #expect(lines.count == 301)
        writer.finish()
    }

    @Test("the line about dropped lines looks like every other", arguments: [Logger.Format.jvb, .plain])
    func notice(format: Logger.Format) {
        var log = Logger()
        log.format = format
        let line = log.droppedLines(12)
        #expect(line.hasSuffix("count=12") || line.contains("count=12 "))
        #expect(line.hasPrefix(format == .jvb ? "JVB " : "<4>"))
    }
}
