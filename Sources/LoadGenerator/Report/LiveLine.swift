// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Primitives

/// The table that a terminal shows while the call runs: a row per second. Silent where output is no terminal.
struct LiveLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var due = Timestamp.zero
    private var previous: (at: Timestamp, sent: UInt64, received: UInt64, bridge: Int64)?
    private var rows = 0

    /// Shows a row, at most one per second.
    mutating func show(
        connected: Int, of participants: Int, sent: UInt64, received: UInt64, altered: UInt64,
        bridgeNanoseconds: Int64?, at now: Timestamp
    ) {
        guard isTerminal, now >= due else { return }
        due = now + .seconds(1 as Int64)
        let bridge = bridgeNanoseconds ?? 0
        defer { previous = (now, sent, received, bridge) }
        guard let previous else { return }
        let seconds = max((now - previous.at).seconds, 0.001)
        if rows % 20 == 0 { write("  connected     sent/s  received/s  altered  bridge CPU\n") }
        rows += 1
        let cells = [
            cell("\(connected)/\(participants)", 11),
            cell(decimal(Double(sent - previous.sent) / seconds, 0), 11),
            cell(decimal(Double(received - previous.received) / seconds, 0), 12),
            cell("\(altered)", 9),
            cell(
                bridgeNanoseconds == nil ? "–" : decimal(Double(bridge - previous.bridge) / 1e7 / seconds, 1) + " %", 12
            ),
        ]
        write(cells.joined() + "\n")
    }

    /// Ends the table.
    mutating func clear() {
        if rows > 0 { write("\n") }
        rows = 0
    }

    private func cell(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(width - text.count, 1)) + text
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
