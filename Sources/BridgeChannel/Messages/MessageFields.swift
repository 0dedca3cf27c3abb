// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import ShardMessages

/// Reads the members of a message as the types they should have.
///
/// A member of several that may be missing is `nil`; one with a value that cannot be used is an error.
struct MessageFields {
    let object: MessageObject

    init(_ object: MessageObject) { self.object = object }

    /// A value that must be there.
    func needed<Value>(_ value: Value?) throws(BridgeChannelError) -> Value {
        guard let value else { throw .missingField }
        return value
    }

    func text(_ name: String) throws(BridgeChannelError) -> String? {
        guard let value = try object.value(name) else { return nil }
        guard let text = value.stringValue else { throw .invalidField }
        return text
    }

    func flag(_ name: String) throws(BridgeChannelError) -> Bool? {
        guard let value = try object.value(name) else { return nil }
        guard let flag = value.boolValue else { throw .invalidField }
        return flag
    }

    /// A whole number; a fraction is cut off.
    func integer<Value: FixedWidthInteger>(_ name: String) throws(BridgeChannelError) -> Value? {
        guard let value = try object.value(name) else { return nil }
        return try Self.integer(value)
    }

    /// A name of a source or an endpoint, which must be there.
    func name(_ name: String) throws(BridgeChannelError) -> String {
        let text = try needed(try text(name))
        guard text.utf8.count <= BridgeChannelLimits.nameBytes else { throw .invalidField }
        return text
    }

    /// A list of names: too long ones, and those beyond the limit, are left out.
    func names(_ name: String) throws(BridgeChannelError) -> [String]? {
        guard let value = try object.value(name) else { return nil }
        guard let elements = value.arrayValue else { throw .invalidField }
        var names: [String] = []
        for element in elements.prefix(BridgeChannelLimits.names) {
            guard let text = element.stringValue else { throw .invalidField }
            if text.utf8.count <= BridgeChannelLimits.nameBytes { names.append(text) }
        }
        return names
    }

    func videoType(_ name: String) throws(BridgeChannelError) -> VideoType {
        try Self.videoType(try needed(try text(name)))
    }

    func videoConstraints() throws(BridgeChannelError) -> VideoConstraintsChange {
        var change = VideoConstraintsChange()
        if let lastN: Int32 = try integer("lastN") { change.lastN = max(-1, lastN) }
        change.selectedSources = try names("selectedSources")
        change.onStageSources = try names("onStageSources")
        change.defaultConstraint = try constraint("defaultConstraints")
        change.assumedBandwidth = try integer("assumedBandwidthBps")
        guard let value = try object.value("constraints") else { return change }
        guard let members = value.objectValue else { throw .invalidField }
        var constraints: [String: VideoConstraint] = [:]
        for member in members.prefix(BridgeChannelLimits.names)
        where member.name.utf8.count <= BridgeChannelLimits.nameBytes {
            constraints[member.name] = try Self.constraint(member.value)
        }
        change.constraints = constraints
        return change
    }

    func constraint(_ name: String) throws(BridgeChannelError) -> VideoConstraint? {
        guard let value = try object.value(name) else { return nil }
        return try Self.constraint(value)
    }

    /// Both forms: `all` with `include` and `exclude`, and the older `mode` with `list`.
    func audioSubscription() throws(BridgeChannelError) -> AudioSubscription {
        guard let mode = try text("mode") else {
            return AudioSubscription(
                all: try flag("all") ?? false, include: try names("include") ?? [],
                exclude: try names("exclude") ?? [])
        }
        let list = try names("list") ?? []
        switch mode.lowercased() {
        case "all": return AudioSubscription(all: true)
        case "none": return AudioSubscription(all: false)
        case "include": return AudioSubscription(all: false, include: list)
        case "exclude": return AudioSubscription(all: true, exclude: list)
        default: throw .unknownValue
        }
    }

    func videoMappings() throws(BridgeChannelError) -> [VideoSourceMapping] {
        var mappings: [VideoSourceMapping] = []
        for entry in try mappedSources() {
            guard let rtx = entry["rtx"]?.integerValue, let type = entry["videoType"]?.stringValue else {
                throw .missingField
            }
            guard rtx == -1 || UInt32(exactly: rtx) != nil else { throw .invalidField }
            mappings.append(
                VideoSourceMapping(
                    source: try Self.text(entry, "source"), owner: try Self.text(entry, "owner"),
                    ssrc: try Self.ssrc(entry), rtx: UInt32(exactly: rtx), videoType: try Self.videoType(type),
                    mid: entry["mid"]?.stringValue))
        }
        return mappings
    }

    func audioMappings() throws(BridgeChannelError) -> [AudioSourceMapping] {
        var mappings: [AudioSourceMapping] = []
        for entry in try mappedSources() {
            mappings.append(
                AudioSourceMapping(
                    source: try Self.text(entry, "source"), owner: try Self.text(entry, "owner"),
                    ssrc: try Self.ssrc(entry), mid: entry["mid"]?.stringValue))
        }
        return mappings
    }

    private func mappedSources() throws(BridgeChannelError) -> ArraySlice<JSONValue> {
        guard let value = try object.value("mappedSources") else { throw .missingField }
        guard let entries = value.arrayValue else { throw .invalidField }
        return entries.prefix(BridgeChannelLimits.names)
    }

    private static func text(_ entry: JSONValue, _ name: String) throws(BridgeChannelError) -> String {
        guard let text = entry[name]?.stringValue else { throw .missingField }
        return text
    }

    private static func ssrc(_ entry: JSONValue) throws(BridgeChannelError) -> UInt32 {
        guard let value = entry["ssrc"] else { throw .missingField }
        return try integer(value)
    }

    private static func integer<Value: FixedWidthInteger>(_ value: JSONValue) throws(BridgeChannelError) -> Value {
        if let number = value.integerValue.flatMap({ Value(exactly: $0) }) { return number }
        // Doubles beyond this have no fraction, and none of them fits.
        guard let number = value.doubleValue, abs(number) < 1e15,
            let whole = Value(exactly: number.rounded(.towardZero))
        else { throw .invalidField }
        return whole
    }

    private static func videoType(_ text: String) throws(BridgeChannelError) -> VideoType {
        guard let type = VideoType(rawValue: text.lowercased()) else { throw .unknownValue }
        return type
    }

    private static func constraint(_ value: JSONValue) throws(BridgeChannelError) -> VideoConstraint {
        guard value.objectValue != nil else { throw .invalidField }
        guard let height = value["maxHeight"] else { throw .missingField }
        var constraint = VideoConstraint(maxHeight: try integer(height))
        guard constraint.maxHeight >= -1 else { throw .invalidField }
        if let rate = value["maxFrameRate"], rate != .null {
            guard let number = rate.doubleValue else { throw .invalidField }
            constraint.maxFrameRate = number
        }
        return constraint
    }
}
