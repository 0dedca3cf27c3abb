// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Foundation
public import Primitives

/// What one participant of a call on the original bridge said over its bridge channel, and what it was told
/// (Tests/Vectors/bridge-channel).
public struct RecordedChannel: Sendable {
    /// A message.
    public struct Line: Sendable {
        /// When, on a clock that begins ``RecordedChannel/lead`` before the recording.
        public let time: Timestamp
        /// The participant said it.
        public let isToBridge: Bool
        /// What was said.
        public let message: JSONValue

        /// Which message it is.
        public var colibriClass: String { message["colibriClass"]?.stringValue ?? "" }
    }

    private enum Broken: Error { case line(Int) }

    /// Time before the recording: for what must have happened when it begins.
    public static let lead = TimeDelta.seconds(20 as Int64)

    /// All that were recorded.
    public static let names = [
        "participant-a", "participant-b", "participant-c", "receiver-stage", "relays-participant-a",
        "relays-participant-b", "screen-share-participant-a", "screen-share-participant-b",
        "ice-restart-participant-b", "force-muted-participant", "bridge-killed-participant-a",
        "ssrc-rewriting-participant-b", "mid-demux-participant-b",
    ]

    /// One of ``names``.
    public let name: String
    /// Everything, in order.
    public let lines: [Line]

    /// Reads a recording.
    /// - Throws: when there is none, or a line is not one.
    public init(_ name: String) throws {
        self.name = name
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appendingPathComponent("Tests/Vectors/bridge-channel/\(name).jsonl")
        lines = try [UInt8](Data(contentsOf: file)).split(separator: 0x0A).enumerated().map { index, text in
            let json = try JSONValue.parse(Array(text))
            guard let time = json["t"]?.integerValue, let direction = json["direction"]?.stringValue,
                let message = json["message"]
            else { throw Broken.line(index + 1) }
            return Line(
                time: .zero + Self.lead + .milliseconds(time), isToBridge: direction == "to-bridge", message: message)
        }
    }

    /// One channel after the other: a channel begins with what its client says first, a video type, before ServerHello
    /// comes.
    public var channels: [[Line]] {
        let starts = lines.indices.filter { lines[$0].colibriClass == "ServerHello" }.map { hello in
            let said = lines[..<hello].lastIndex { !$0.isToBridge }.map { $0 + 1 } ?? 0
            return lines[said..<hello].firstIndex { $0.colibriClass == "SourceVideoTypeMessage" } ?? said
        }
        return starts.enumerated().map { index, start in
            Array(lines[start..<(index + 1 < starts.count ? starts[index + 1] : lines.count)])
        }
    }
}
