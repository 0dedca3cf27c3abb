// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Primitives

/// The messages of the bridge channel (media-plane.md 11.6), as a client writes and reads them.
enum ChannelMessage: Equatable {
    case serverHello
    /// Dominant speaker and those before, newest first.
    case dominantSpeaker(String, previous: [String])
    case endpointMessage(EndpointMessage)
    case endpointStats(from: String)
    case connectionStats(bitsPerSecond: Int64)
    case forwardedSources([String])
    case senderSourceConstraints(source: String, maxHeight: Int64)
    case connectivity(endpoint: String, isActive: Bool)
    /// What slots carry, with SSRC rewriting.
    case slots([SlotBook.Entry])
    /// A class that the generator does not look at.
    case other(String)

    /// An endpoint message of the generator.
    struct EndpointMessage: Equatable {
        /// The receiver; empty for everybody.
        var to: String
        /// The sender as the bridge says.
        var from: String
        /// The sender as it says itself.
        var sender: String
        /// How many the sender had sent to everybody before.
        var number: UInt32
        /// When it was sent, in microseconds of the monotonic clock.
        var sentAt: Int64
        /// Whether all else is as it was sent.
        var isWhole: Bool
    }

    /// Reads a message; `nil` when it is malformed.
    init?(_ text: [UInt8]) {
        guard let json = try? JSONValue.parse(text), let name = json["colibriClass"]?.stringValue else { return nil }
        switch name {
        case "ServerHello": self = .serverHello
        case "DominantSpeakerEndpointChangeEvent":
            guard let speaker = json["dominantSpeakerEndpoint"]?.stringValue,
                let previous = Self.strings(json["previousSpeakers"]), json["silence"]?.boolValue != nil
            else { return nil }
            self = .dominantSpeaker(speaker, previous: previous)
        case "EndpointMessage":
            guard let message = Self.endpointMessage(json) else { return nil }
            self = .endpointMessage(message)
        case "EndpointStats":
            guard let from = json["from"]?.stringValue, json["bitrate"]?.objectValue != nil else { return nil }
            self = .endpointStats(from: from)
        case "ConnectionStats":
            guard let rate = Self.number(json["estimatedDownlinkBandwidth"]) else { return nil }
            self = .connectionStats(bitsPerSecond: rate)
        case "ForwardedSources":
            guard let names = Self.strings(json["forwardedSources"]) else { return nil }
            self = .forwardedSources(names)
        case "SenderSourceConstraints":
            guard let source = json["sourceName"]?.stringValue, let height = Self.number(json["maxHeight"]) else {
                return nil
            }
            self = .senderSourceConstraints(source: source, maxHeight: height)
        case "EndpointConnectivityStatusChangeEvent":
            // A string, though it is a truth value.
            guard let endpoint = json["endpoint"]?.stringValue, let active = json["active"]?.stringValue else {
                return nil
            }
            self = .connectivity(endpoint: endpoint, isActive: active == "true")
        case "VideoSourcesMap", "AudioSourcesMap":
            guard let entries = Self.slots(json, isVideo: name == "VideoSourcesMap") else { return nil }
            self = .slots(entries)
        default: self = .other(name)
        }
    }

    private static func slots(_ json: JSONValue, isVideo: Bool) -> [SlotBook.Entry]? {
        guard let list = json["mappedSources"]?.arrayValue else { return nil }
        func ssrc(_ value: JSONValue?) -> UInt32? { number(value).flatMap { UInt32(exactly: $0) } }
        var entries: [SlotBook.Entry] = []
        for entry in list {
            guard let source = entry["source"]?.stringValue, let owner = entry["owner"]?.stringValue,
                source.hasPrefix(owner), let media = ssrc(entry["ssrc"])
            else { return nil }
            let repair = ssrc(entry["rtx"])
            guard (repair != nil) == isVideo, !isVideo || entry["videoType"]?.stringValue == "CAMERA" else {
                return nil
            }
            entries.append(SlotBook.Entry(source: source, ssrc: media, repairSSRC: repair))
        }
        return entries
    }

    /// Clients want a number, not text that looks like one.
    private static func number(_ value: JSONValue?) -> Int64? {
        switch value {
        case .integer, .number: value?.integerValue
        default: nil
        }
    }

    private static func strings(_ value: JSONValue?) -> [String]? {
        guard let list = value?.arrayValue else { return nil }
        let strings = list.compactMap(\.stringValue)
        return strings.count == list.count ? strings : nil
    }

    /// An endpoint message to everybody, seen from afar: not read, but searched for what tells it from others.
    ///
    /// Reading costs the generator several times what the bridge spends on handing a message out.
    struct Glance {
        let from: String
        let number: UInt32

        /// `nil` when it has to be looked at properly.
        init?(_ text: [UInt8]) {
            func value(_ key: StaticString, until end: UInt8) -> String? {
                text.withUnsafeBytes { text in
                    guard let begin = Self.end(of: key, in: text) else { return nil }
                    let rest = text[begin...].prefix(24)
                    guard let stop = rest.firstIndex(of: end) else { return nil }
                    return String(decoding: rest[..<stop], as: UTF8.self)
                }
            }
            let quote = UInt8(ascii: "\"")
            guard value(#""colibriClass":""#, until: quote) == "EndpointMessage", value(#""to":""#, until: quote) == "",
                let from = value(#""from":""#, until: quote),
                let number = value(#""number":"#, until: UInt8(ascii: ",")).flatMap({ UInt32($0) })
            else { return nil }
            self.from = from
            self.number = number
        }

        /// Where the first `key` in `text` ends.
        private static func end(of key: StaticString, in text: UnsafeRawBufferPointer) -> Int? {
            guard let base = text.baseAddress else { return nil }
            let count = key.utf8CodeUnitCount
            var offset = 0
            while offset + count <= text.count,
                let found = memchr(base + offset, Int32(key.utf8Start[0]), text.count - count - offset + 1)
            {
                offset = UnsafeRawPointer(found) - base
                if memcmp(found, key.utf8Start, count) == 0 { return offset + count }
                offset += 1
            }
            return nil
        }
    }

    /// Goes through a bridge as it is, or somebody escaped it wrongly.
    private static let text = "Grüße \"an\" alle \\ 👋🏽 \u{1}\n"

    private static func endpointMessage(_ json: JSONValue) -> EndpointMessage? {
        guard let to = json["to"]?.stringValue, let from = json["from"]?.stringValue,
            let payload = json["msgPayload"], let sender = payload["sender"]?.stringValue,
            let number = payload["number"]?.integerValue, let sentAt = payload["sentAt"]?.integerValue
        else { return nil }
        let isWhole =
            payload["type"]?.stringValue == "viaduct-load" && payload["text"]?.stringValue == text
            && json["more"]?.arrayValue?.count == 2
        return EndpointMessage(
            to: to, from: from, sender: sender, number: UInt32(clamping: number), sentAt: sentAt, isWhole: isWhole)
    }

    // MARK: What a client says

    private static func bytes(_ name: String, _ members: [(String, JSONValue)]) -> [UInt8] {
        JSONValue.object([("colibriClass", .string(name))] + members).serialized()
    }

    /// A client's greeting, on data channels alone.
    static var clientHello: [UInt8] { bytes("ClientHello", []) }

    /// What lib-jitsi-meet says on its own once the channel is open.
    static var firstConstraints: [UInt8] {
        bytes("ReceiverVideoConstraints", [("assumedBandwidthBps", .integer(-1)), ("lastN", .integer(-1))])
    }

    /// What an application says of the pictures that it wants.
    /// - Parameters:
    ///   - stage: the source that is shown large, if there is one, and its height.
    ///   - others: the height of all others.
    static func constraints(stage: (source: String, height: Int)?, others: Int, lastN: Int) -> [UInt8] {
        func height(_ value: Int) -> JSONValue { .object([("maxHeight", .integer(Int64(value)))]) }
        var members: [(String, JSONValue)] = [
            ("lastN", .integer(Int64(lastN))), ("selectedSources", .array([])), ("assumedBandwidthBps", .integer(-1)),
            ("defaultConstraints", height(others)),
            ("constraints", .object(stage.map { [($0.source, height($0.height))] } ?? [])),
        ]
        if let stage { members.append(("onStageSources", .array([.string(stage.source)]))) }
        return bytes("ReceiverVideoConstraints", members)
    }

    static func videoType(ofSource name: String) -> [UInt8] {
        bytes("SourceVideoTypeMessage", [("sourceName", .string(name)), ("videoType", .string("camera"))])
    }

    /// - Parameter to: the receiver; empty for everybody.
    /// - Parameter number: how many the sender has sent to everybody before.
    static func endpointMessage(to: String, sender: String, number: UInt32, at now: Timestamp) -> [UInt8] {
        let payload = JSONValue.object([
            ("type", .string("viaduct-load")), ("text", .string(text)), ("sender", .string(sender)),
            ("number", .integer(Int64(number))), ("sentAt", .integer(now.nanoseconds / 1_000)),
        ])
        return bytes(
            "EndpointMessage",
            [("msgPayload", payload), ("to", .string(to)), ("more", .array([.null, .number(0.5)]))])
    }

    static var endpointStats: [UInt8] {
        func rates(_ more: [(String, JSONValue)] = []) -> JSONValue {
            .object([("download", .integer(200)), ("upload", .integer(64))] + more)
        }
        return bytes(
            "EndpointStats",
            [
                ("bitrate", rates([("audio", rates()), ("video", rates())])), ("connectionQuality", .integer(100)),
                ("jvbRTT", .integer(2)), ("maxEnabledResolution", .integer(720)),
                ("packetLoss", .object([("download", .integer(0)), ("total", .integer(0)), ("upload", .integer(0))])),
                ("serverRegion", .string("region1")),
            ])
    }
}
