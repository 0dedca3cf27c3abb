// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The forms in which metrics are served (operations.md d.3).
public enum MetricsFormat: Sendable, CaseIterable {
    /// OpenMetrics 1.0.
    case openMetrics
    /// Prometheus text 0.0.4.
    case text
    /// One JSON object.
    case json

    /// The Content-Type header.
    public var contentType: String {
        switch self {
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .json: "application/json"
        }
    }

    /// The form that an Accept header asks for: the best quality, and of equals the first.
    ///
    /// - Returns: `nil` when none of the forms is acceptable (406). No header means OpenMetrics (Q10).
    public static func negotiated(accept: String?) -> MetricsFormat? {
        guard let accept, !accept.isEmpty else { return .openMetrics }
        guard accept.utf8.count <= TelemetryLimits.acceptHeader else { return nil }
        var best: (format: MetricsFormat, quality: Double)?
        for range in accept.split(separator: ",").prefix(TelemetryLimits.mediaRanges) {
            let parts = range.split(separator: ";", omittingEmptySubsequences: false).map { trimmed($0).lowercased() }
            guard let format = format(of: parts[0]) else { continue }
            let quality = quality(in: parts.dropFirst())
            if quality > 0, quality > best?.quality ?? 0 { best = (format, quality) }
        }
        return best?.format
    }

    private static func format(of mediaRange: String) -> MetricsFormat? {
        switch mediaRange {
        case "application/openmetrics-text", "*/*", "application/*": .openMetrics
        case "text/plain", "text/*": .text
        case "application/json": .json
        default: nil
        }
    }

    private static func quality(in parameters: some Sequence<String>) -> Double {
        for parameter in parameters where parameter.hasPrefix("q=") {
            guard let value = Double(parameter.dropFirst(2)), (0...1).contains(value) else { return 0 }
            return value
        }
        return 1
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
