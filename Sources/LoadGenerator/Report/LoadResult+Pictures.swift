// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What decoders would have made of the video, in the three forms of the report.
extension LoadResult {
    /// What was amiss with the pictures.
    var pictureImperfections: [String] {
        let p = statistics.pictures
        var lines = Self.lines([
            (p.discontinuities, "breaks in the series of pictures or packets"),
            (p.garbled, "pictures that only seem to be decodable"),
            (p.badDescriptors, "VP8 descriptors without their fields"),
            (p.freezes, "freezes of more than half a second"),
        ])
        if p.share * 100 < options.leastShare {
            let wanted = decimal(options.leastShare, 0)
            lines.append("the encoding asked for only \(percent(p.share)) of the time, not \(wanted) %")
        }
        return lines
    }

    /// The rows of the table.
    var pictureRows: [(String, String)] {
        let p = statistics.pictures
        let heights = options.isSimulcast ? VideoEncoding.heights : [720]
        let shown = zip(heights, p.shownOf).map { "\($1) of \($0) lines" }.joined(separator: ", ")
        var rows = [
            ("pictures shown", shown),
            ("pictures skipped / garbled", "\(p.skipped) / \(p.garbled), \(p.cutShort) cut short by a change"),
            ("breaks in the series", "\(p.discontinuities)"),
            ("freezes over 500 ms", "\(p.freezes), the longest gap \(milliseconds(p.longestGap))"),
            ("encoding asked for", "\(percent(p.share)) of the time, \(p.pairs) pairs of receiver and source"),
        ]
        if p.firstPicture.count > 0 { rows.append(("first picture after", spread(p.firstPicture))) }
        if p.layerSwitch.count > 0 { rows.append(("another encoding after", spread(p.layerSwitch))) }
        return rows
    }

    /// The object of the JSON; times in microseconds.
    var picturesJSON: JSONValue {
        let p = statistics.pictures
        let isListing = p.pairs <= UInt64(LoadGeneratorLimits.listedPairs)
        let heights = options.isSimulcast ? VideoEncoding.heights : [720]
        return .object([
            ("shown", Self.number(p.shown)),
            ("shown_by_height", .object(zip(heights, p.shownOf).map { ("\($0)", Self.number($1)) })),
            ("skipped", Self.number(p.skipped)), ("garbled", Self.number(p.garbled)),
            ("cut_short", Self.number(p.cutShort)),
            ("discontinuities", Self.number(p.discontinuities)), ("bad_descriptors", Self.number(p.badDescriptors)),
            ("freezes", Self.number(p.freezes)), ("longest_gap_us", .number(Double(p.longestGap) / 1e3)),
            ("pairs", Self.number(p.pairs)), ("share_at_layer", .number(p.share)),
            ("first_picture_us", Self.times(p.firstPicture)), ("layer_switch_us", Self.times(p.layerSwitch)),
            ("receivers", .array(p.receivers.map { Self.json($0, isListing: isListing) })),
        ])
    }

    private static func json(_ receiver: PictureStatistics.Receiver, isListing: Bool) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("participant", .integer(Int64(receiver.number))), ("endpoint", .string(receiver.endpoint)),
            ("freezes", number(receiver.freezes)), ("longest_gap_us", .number(Double(receiver.longestGap) / 1e3)),
            ("share_at_layer", .number(receiver.share)),
        ]
        if isListing {
            let sources = receiver.sources.map { source in
                JSONValue.object([
                    ("source", .string(source.name)), ("shown", number(source.shown)),
                    ("height", .integer(Int64(source.height))), ("freezes", number(source.freezes)),
                    ("longest_gap_us", .number(Double(source.longestGap) / 1e3)),
                    ("watched_seconds", .number(Double(source.watched) / 1e9)),
                    (
                        "share_at_layer",
                        .number(source.watched > 0 ? Double(source.atLayer) / Double(source.watched) : 1)
                    ),
                ])
            }
            members.append(("sources", .array(sources)))
        }
        return .object(members)
    }

    private func percent(_ share: Double) -> String { "\(decimal(share * 100, 1)) %" }

    private func milliseconds(_ nanoseconds: Int64) -> String { "\(decimal(Double(nanoseconds) / 1e6, 1)) ms" }

    func spread(_ histogram: LatencyHistogram) -> String {
        let parts = [histogram.quantile(0.5), histogram.quantile(0.95), histogram.maximum].map(milliseconds)
        return parts.joined(separator: " / ") + "  (p50 / p95 / max)"
    }
}
