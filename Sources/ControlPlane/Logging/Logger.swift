// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import PacketIO

/// How urgent a log line is.
enum LogLevel: Int, Comparable, Sendable {
    /// Protocol details.
    case trace
    /// Life events of an endpoint.
    case debug
    /// Life events of a conference.
    case info
    /// Life events of the process.
    case notice
    /// A human may act later.
    case warning
    /// A human must act.
    case error

    init?(name: String) {
        switch name {
        case "trace": self = .trace
        case "debug": self = .debug
        case "info": self = .info
        case "notice": self = .notice
        case "warning": self = .warning
        case "error": self = .error
        default: return nil
        }
    }

    /// The name in the original's lines.
    var originalName: String {
        switch self {
        case .trace: "FINER"
        case .debug: "FINE"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "SEVERE"
        }
    }

    /// journald's level prefix (sd-daemon(3)).
    var journalPrefix: String {
        switch self {
        case .trace, .debug: "<7>"
        case .info: "<6>"
        case .notice: "<5>"
        case .warning: "<4>"
        case .error: "<3>"
        }
    }

    static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Writes log lines: a constant message, fixed keys for all that varies, to standard error or to a test.
///
/// Never give it a key, a password, a token or a client's address (house rule 3.7).
struct Logger: Sendable {
    enum Format: String, Sendable {
        /// The original's line, which its tools parse (operations.md a.6).
        case jvb
        /// journald's level prefix, message, metadata.
        case plain
    }

    /// Lines below this level are not written.
    var level = LogLevel.info
    /// How lines look.
    var format = Format.jvb
    /// The thread that writes, as it stands in the line.
    var thread = "control"
    /// Keys that are in every line of this logger: conference, endpoint.
    var context: [(key: String, value: String)] = []
    /// Where lines go. Once the bridge serves that is a ``LogWriter``, which nobody waits for.
    var write: @Sendable (String) -> Void = Logger.standardError

    /// A logger with more context.
    func with(_ pairs: KeyValuePairs<String, String?>) -> Logger {
        var result = self
        for (key, value) in pairs { if let value { result.context.append((key, value)) } }
        return result
    }

    func error(
        _ message: StaticString, _ metadata: KeyValuePairs<String, String?> = [:], file: StaticString = #fileID,
        function: StaticString = #function, line: Int = #line
    ) { log(.error, message, metadata, file, function, line) }

    func warning(
        _ message: StaticString, _ metadata: KeyValuePairs<String, String?> = [:], file: StaticString = #fileID,
        function: StaticString = #function, line: Int = #line
    ) { log(.warning, message, metadata, file, function, line) }

    func notice(
        _ message: StaticString, _ metadata: KeyValuePairs<String, String?> = [:], file: StaticString = #fileID,
        function: StaticString = #function, line: Int = #line
    ) { log(.notice, message, metadata, file, function, line) }

    func info(
        _ message: StaticString, _ metadata: KeyValuePairs<String, String?> = [:], file: StaticString = #fileID,
        function: StaticString = #function, line: Int = #line
    ) { log(.info, message, metadata, file, function, line) }

    func debug(
        _ message: StaticString, _ metadata: KeyValuePairs<String, String?> = [:], file: StaticString = #fileID,
        function: StaticString = #function, line: Int = #line
    ) { log(.debug, message, metadata, file, function, line) }

    private func log(
        _ level: LogLevel, _ message: StaticString, _ metadata: KeyValuePairs<String, String?>, _ file: StaticString,
        _ function: StaticString, _ line: Int
    ) {
        guard level >= self.level else { return }
        write(
            text(
                level, message.description, metadata,
                place: Self.place(file.description, function.description) + "#" + String(line)))
    }

    /// Writes a message that is a constant of another target's enumeration.
    func log(
        _ level: LogLevel, constant message: String, _ metadata: KeyValuePairs<String, String?> = [:],
        file: StaticString = #fileID, function: StaticString = #function, line: Int = #line
    ) {
        guard level >= self.level else { return }
        write(
            text(
                level, message, metadata,
                place: Self.place(file.description, function.description) + "#" + String(line)))
    }

    /// The line that tells of lines that are missing here.
    func droppedLines(_ count: Int) -> String {
        text(
            .warning, "Log lines were dropped: the reader of the log is too slow", ["count": String(count)],
            place: "LogWriter.run#0")
    }

    private func text(
        _ level: LogLevel, _ message: String, _ metadata: KeyValuePairs<String, String?>, place: String
    ) -> String {
        var extra = ""
        for (key, value) in metadata { if let value { extra += " " + key + "=" + Self.clean(value) } }
        let shared = context.map { $0.key + "=" + Self.clean($0.value) }.joined(separator: " ")
        let result: String
        switch format {
        case .jvb:
            let head = "JVB " + Self.localTime() + " " + level.originalName + ": [" + thread + "] "
            result = head + "[" + shared + "] " + place + ": " + Self.printable(message) + extra
        case .plain:
            result = level.journalPrefix + Self.printable(message) + extra + (shared.isEmpty ? "" : " " + shared)
        }
        guard result.utf8.count > ControlPlaneLimits.logLineBytes else { return result }
        return String(decoding: result.utf8.prefix(ControlPlaneLimits.logLineBytes), as: UTF8.self)
    }

    /// What peers say ends up in values: nothing that breaks the line or looks like another key, not too long.
    private static func clean(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            guard result.utf8.count < ControlPlaneLimits.logValueBytes else {
                result += "…"
                break
            }
            result.unicodeScalars.append(scalar)
        }
        result = printable(result)
        // Scalars, not characters: a combining mark behind a quote would hide it.
        let needsQuotes = result.unicodeScalars.contains { " \"\\=[]".unicodeScalars.contains($0) }
        guard result.isEmpty || needsQuotes else { return result }
        var quoted = "\""
        for scalar in result.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    /// A dot for all that ends a line, steers a terminal or turns the direction of writing.
    private static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result += "."
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// `ControlPlane/Bridge+Events.swift`, `apply(_:)` → `Bridge.apply`.
    private static func place(_ file: String, _ function: String) -> String {
        let name = file.split(separator: "/").last.map { $0.prefix { $0 != "." && $0 != "+" } } ?? ""
        return name + "." + function.prefix { $0 != "(" }
    }

    private static func localTime() -> String {
        let nanoseconds = WallClock.nanosecondsSinceEpoch()
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        func digits(_ number: Int, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        let date = [
            digits(Int(parts.tm_year) + 1_900, 4), digits(Int(parts.tm_mon) + 1, 2), digits(Int(parts.tm_mday), 2),
        ]
        let time = [digits(Int(parts.tm_hour), 2), digits(Int(parts.tm_min), 2), digits(Int(parts.tm_sec), 2)]
        let milliseconds = digits(Int(nanoseconds / 1_000_000 % 1_000), 3)
        return date.joined(separator: "-") + " " + time.joined(separator: ":") + "." + milliseconds
    }

    /// One call per line, so that lines of several threads do not mix.
    @Sendable private static func standardError(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.write(2, bytes, bytes.count)
    }
}
