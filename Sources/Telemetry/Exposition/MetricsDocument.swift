// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// All metrics of one moment, ready to be written in any ``MetricsFormat``.
public struct MetricsDocument: Sendable {
    /// The metrics in the order in which they are written.
    public var metrics: [Metric]
    /// When counters and histograms began, in seconds since 1970, UTC: the process's start.
    public var createdSeconds: Double

    /// A document.
    public init(metrics: [Metric] = [], createdSeconds: Double) {
        self.metrics = metrics
        self.createdSeconds = createdSeconds
    }

    /// The document's text.
    public func body(_ format: MetricsFormat) -> [UInt8] {
        switch format {
        case .openMetrics: Array(openMetrics().utf8)
        case .text: Array(text().utf8)
        case .json: json().serialized()
        }
    }

    // MARK: OpenMetrics

    private func openMetrics() -> String {
        var output = ""
        for metric in metrics {
            let name = metric.fullName
            output += "# TYPE \(name) \(Self.typeName(metric.value))\n"
            output += "# HELP \(name) \(Self.escaped(metric.help, quotes: true))\n"
            output += samples(of: metric)
            switch metric.value {
            case .counter, .histogram: output += "\(name)_created \(MetricNumber.text(createdSeconds))\n"
            default: break
            }
        }
        return output + "# EOF\n"
    }

    // MARK: Prometheus 0.0.4

    /// Counters carry `_total` in their family's name too, and creation times are families of their own at the end.
    private func text() -> String {
        var output = ""
        var creations = ""
        for metric in metrics {
            var name = metric.fullName
            var type = Self.typeName(metric.value)
            switch metric.value {
            case .counter, .histogram:
                creations += "# HELP \(name)_created \(Self.escaped(metric.help, quotes: false))\n"
                creations += "# TYPE \(name)_created gauge\n"
                creations += "\(name)_created \(MetricNumber.text(createdSeconds))\n"
                if case .counter = metric.value { name += "_total" }
            case .info:
                name += "_info"
                type = "gauge"
            default: break
            }
            output += "# HELP \(name) \(Self.escaped(metric.help, quotes: false))\n# TYPE \(name) \(type)\n"
            output += samples(of: metric)
        }
        return output + creations
    }

    private func samples(of metric: Metric) -> String {
        let name = metric.fullName
        switch metric.value {
        case .gauge(let value): return "\(name) \(MetricNumber.text(Double(value)))\n"
        case .number(let value): return "\(name) \(MetricNumber.text(value))\n"
        case .flag(let value): return "\(name) \(value ? "1.0" : "0.0")\n"
        case .counter(let value): return "\(name)_total \(MetricNumber.text(Double(value)))\n"
        case .info(let label, let text): return "\(name)_info{\(label)=\"\(Self.escaped(text, quotes: true))\"} 1.0\n"
        case .histogram(let histogram):
            var output = ""
            for (bound, count) in histogram.cumulative {
                let bound = MetricNumber.text(bound)
                output += "\(name)_bucket{le=\"\(bound)\"} \(MetricNumber.text(Double(count)))\n"
            }
            output += "\(name)_count \(MetricNumber.text(Double(histogram.count)))\n"
            return output + "\(name)_sum \(MetricNumber.text(histogram.sum))\n"
        }
    }

    private static func typeName(_ value: Metric.Value) -> String {
        switch value {
        case .gauge, .number, .flag: "gauge"
        case .counter: "counter"
        case .histogram: "histogram"
        case .info: "info"
        }
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    // MARK: JSON

    /// Names without the original's prefix; metrics of our own keep theirs.
    private func json() -> JSONValue {
        .object(
            metrics.map { metric in
                let name = metric.prefix == Metric.bridgePrefix ? metric.name : metric.fullName
                switch metric.value {
                case .gauge(let value): return (name, .integer(value))
                case .number(let value): return (name, .number(value))
                case .flag(let value): return (name, .bool(value))
                case .counter(let value): return (name + "_total", .integer(Int64(clamping: value)))
                case .info(_, let text): return (name, .string(text))
                case .histogram(let histogram): return (name, json(of: histogram))
                }
            })
    }

    private func json(of histogram: HistogramSnapshot) -> JSONValue {
        var members: [(String, JSONValue)] = histogram.cumulative.map { bound, count in
            ("bucket_le_" + MetricNumber.text(bound), .number(Double(count)))
        }
        members.append(("count", .number(Double(histogram.count))))
        members.append(("sum", .number(histogram.sum)))
        members.append(("created", .number(createdSeconds)))
        return .object(members)
    }
}
