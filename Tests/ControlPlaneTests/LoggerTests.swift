// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import ControlPlane

@Suite("Logger")
struct LoggerTests {
    /// Lines of a logger, for a test.
    private final class Capture: Sendable {
        let lines = Mutex<[String]>([])

        func logger(_ format: Logger.Format = .jvb, level: LogLevel = .info) -> Logger {
            var logger = Logger()
            logger.format = format
            logger.level = level
            logger.write = { line in self.lines.withLock { $0.append(line) } }
            return logger
        }

        var all: [String] { lines.withLock { $0 } }
    }

    @Test("lines look like the original's")
    func original() {
        let capture = Capture()
        capture.logger().with(["confId": "5c1e", "epId": "a1b2", "none": nil]).warning(
            "Something happened", ["room": "r@muc", "count": "3", "absent": nil])
        let line = capture.all.first ?? ""
        let time = #/JVB \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} /#
        let rest = line.replacing(time, with: "", maxReplacements: 1).replacing(/#\d+:/, with: "#:")
        #expect(line.prefixMatch(of: time) != nil, "\(line)")
        #expect(
            rest == "WARNING: [control] [confId=5c1e epId=a1b2] LoggerTests.original#: Something happened "
                + "room=r@muc count=3")
    }

    @Test("levels have the original's names, and those below the limit are not written")
    func levels() {
        let capture = Capture()
        let logger = capture.logger(level: .debug)
        logger.error("a")
        logger.warning("b")
        logger.notice("c")
        logger.info("d")
        logger.debug("e")
        logger.log(.trace, constant: "f")
        let names = capture.all.map { $0.split(separator: " ")[3] }
        #expect(names == ["SEVERE:", "WARNING:", "INFO:", "INFO:", "FINE:"])
        #expect(LogLevel(name: "notice") == .notice)
        #expect(LogLevel(name: "loud") == nil)
    }

    @Test("the plain form has journald's level in front")
    func plain() {
        let capture = Capture()
        let logger = capture.logger(.plain, level: .trace).with(["client": "shard0"])
        logger.error("a", ["k": "v"])
        logger.log(.trace, constant: "b")
        #expect(capture.all == ["<3>a k=v client=shard0", "<7>b client=shard0"])
    }

    @Test("what peers say can neither break lines nor fill the disk")
    func hostileValues() {
        let capture = Capture()
        capture.logger(.plain).info("m", ["k": "one\nJVB two\u{1B}[0m"])
        capture.logger(.plain).info("m", ["k": String(repeating: "x", count: 100_000)])
        #expect(capture.all[0] == "<6>m k=\"one.JVB two.[0m\"")
        #expect(capture.all[1].utf8.count < 400)
        capture.logger().log(.error, constant: String(repeating: "y", count: 100_000))
        #expect(capture.all[2].utf8.count <= ControlPlaneLimits.logLineBytes)
    }

    @Test(
        "a value cannot end its line, steer a terminal, hide itself or pass for another key",
        arguments: [
            ("a\u{9B}31mb", "a.31mb"), ("a\u{85}b\u{2028}c\u{2029}d\re", "a.b.c.d.e"),
            ("admin\u{202E}nomis\u{200B}", "admin.nomis."), ("x\" outcome=\"y", "\"x\\\" outcome=\\\"y\""),
            ("x\"\u{301} b=c", "\"x\\\"\u{301} b=c\""), ("x]", "\"x]\""), ("a=b", "\"a=b\""), ("\\", "\"\\\\\""),
            ("", "\"\""), ("jörg@é.example", "jörg@é.example"),
        ])
    func forgedValues(_ value: String, _ written: String) {
        let capture = Capture()
        capture.logger(.plain).with(["confId": value]).info("m", ["k": value])
        #expect(capture.all == ["<6>m k=\(written) confId=\(written)"])
        capture.logger(.plain).log(.warning, constant: "unknown settings: a\nJVB b")
        #expect(capture.all.last == "<4>unknown settings: a.JVB b")
    }
}
