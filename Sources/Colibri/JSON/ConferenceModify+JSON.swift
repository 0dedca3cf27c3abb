// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ConferenceModify {
    /// Reads the JSON form (control-plane.md 7.2); unknown members are skipped.
    ///
    /// - Parameter meetingID: the meeting that the path names, for a `PATCH`, which wins over the body.
    /// - Throws: a bad-request that names what is wrong.
    public init(json: JSONValue, meetingID: String? = nil) throws(ColibriError) {
        guard json.objectValue != nil else { throw .badRequest("the body must be an object") }
        if let meetingID {
            self.init(meetingID: try checkedIdentifier(meetingID, of: "meeting-id"))
        } else {
            self.init(meetingID: try json.identifierField("meeting-id", of: "conference-modify"))
        }
        name = try json.textField("name")
        isCreate = try json.flagField("create")
        isExpire = try json.flagField("expire")
        isRTCStatsEnabled = try json.flagField("rtcstats-enabled", default: true)
        let endpointList = try json.listField("endpoints") ?? []
        guard endpointList.count <= ColibriLimits.endpointsPerRequest else {
            throw .badRequest("too many endpoints in one request")
        }
        endpoints = try mapped(endpointList, limit: .max) { (item) throws(ColibriError) in
            try EndpointModify(json: item)
        }
        relays = try mapped(try json.listField("relays") ?? [], limit: ColibriLimits.relaysPerRequest) {
            (item) throws(ColibriError) in
            var relay = RelayModify(id: try item.identifierField("id", of: "relay"))
            relay.isCreate = try item.flagField("create")
            relay.isExpire = try item.flagField("expire")
            return relay
        }
        if let list = try json.listField("connects") {
            guard list.count <= ColibriLimits.connectsPerRequest else {
                throw .badRequest("too many connects in one request")
            }
            connects = try mapped(list, limit: .max) { (item) throws(ColibriError) in try ConnectModify(json: item) }
        }
    }

    /// The JSON form.
    public var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("meeting-id", text: meetingID)
        result.add("name", text: name)
        result.add("create", ifTrue: isCreate)
        result.add("expire", ifTrue: isExpire)
        if !isRTCStatsEnabled { result.add("rtcstats-enabled", .bool(false)) }
        result.add("endpoints", list: endpoints.map(\.json))
        result.add(
            "relays",
            list: relays.map { relay in
                var item = JSONObjectBuilder()
                item.add("id", text: relay.id)
                item.add("create", ifTrue: relay.isCreate)
                item.add("expire", ifTrue: relay.isExpire)
                return item.value
            }
        )
        result.add("connects", connects.map { .array($0.map(\.json)) })
        return result.value
    }
}

extension EndpointModify {
    init(json: JSONValue) throws(ColibriError) {
        self.init(id: try json.identifierField("id", of: "endpoint"))
        isCreate = try json.flagField("create")
        isExpire = try json.flagField("expire")
        statsID = try json.textField("stats-id")
        mucRole = try json.textField("muc-role")
        capabilities = try (json.listField("capabilities") ?? []).prefix(ColibriLimits.capabilitiesPerEndpoint)
            .compactMap(\.stringValue)
        media = try mapped(try json.listField("medias") ?? [], limit: ColibriLimits.mediaPerEndpoint) {
            (item) throws(ColibriError) in try MediaDescription(json: item)
        }
        if let item = try json.objectField("transport") { transport = try TransportDescription(json: item) }
        if let list = try json.listField("sources") { sources = try MediaSourceDescription.list(json: list) }
        if let item = try json.objectField("force-mute") {
            forceMute = ForceMute(audio: try item.flagField("audio"), video: try item.flagField("video"))
        }
        if let item = try json.objectField("initial-last-n") { initialLastN = try item.numberField("value") }
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("id", text: id)
        result.add("create", ifTrue: isCreate)
        result.add("expire", ifTrue: isExpire)
        result.add("medias", list: media.map(\.json))
        result.add("transport", transport?.json)
        result.add("sources", sources.map { .array($0.map(\.json)) })
        result.add("stats-id", text: statsID)
        result.add("muc-role", text: mucRole)
        result.add(
            "force-mute",
            forceMute.map { .object([("audio", .bool($0.audio)), ("video", .bool($0.video))]) }
        )
        result.add("initial-last-n", initialLastN.map { .object([("value", .integer(Int64($0)))]) })
        result.add("capabilities", list: capabilities.map { .string($0) })
        return result.value
    }
}

extension ConnectModify {
    init(json: JSONValue) throws(ColibriError) {
        guard let url = try json.textField("url") else { throw .badRequest("connect needs url") }
        self.init(url: url)
        if json.field("id") != nil { id = try json.identifierField("id", of: "connect") }
        protocolName = try json.textField("protocol")
        type = try json.textField("type")
        audio = try json.flagField("audio")
        video = try json.flagField("video")
        isCreate = try json.flagField("create")
        isExpire = try json.flagField("expire")
        for member in (try json.objectField("headers")?.objectValue ?? []).prefix(ColibriLimits.namesPerConnect) {
            guard let value = member.value.lenientText else { continue }
            headers.append(ConnectHeader(name: member.name, value: value))
        }
        if let item = try json.objectField("ping") {
            ping = ConnectPing(
                intervalMilliseconds: try item.numberField("interval") ?? 0,
                timeoutMilliseconds: try item.numberField("timeout") ?? 0
            )
        }
        exports = try json.listField("exports")?.prefix(ColibriLimits.namesPerConnect).compactMap(\.stringValue)
        requests = try json.listField("requests")?.prefix(ColibriLimits.namesPerConnect).compactMap(\.stringValue)
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("id", text: id)
        result.add("url", text: url)
        result.add("protocol", text: protocolName)
        result.add("type", text: type)
        result.add("audio", ifTrue: audio)
        result.add("video", ifTrue: video)
        result.add("create", ifTrue: isCreate)
        result.add("expire", ifTrue: isExpire)
        if !headers.isEmpty { result.add("headers", .object(headers.map { ($0.name, .string($0.value)) })) }
        result.add(
            "ping",
            ping.map {
                .object([
                    ("interval", .integer(Int64($0.intervalMilliseconds))),
                    ("timeout", .integer(Int64($0.timeoutMilliseconds))),
                ])
            }
        )
        result.add("exports", exports.map { .array($0.map { .string($0) }) })
        result.add("requests", requests.map { .array($0.map { .string($0) }) })
        return result.value
    }
}
