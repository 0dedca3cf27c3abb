// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension MediaKind {
    init(json: JSONValue, of what: String) throws(ColibriError) {
        guard let kind = try json.textField("type").flatMap({ MediaKind(rawValue: $0.lowercased()) }) else {
            throw .badRequest("type of \(what) must be audio or video")
        }
        self = kind
    }
}

extension MediaDescription {
    init(json: JSONValue) throws(ColibriError) {
        self.init(kind: try MediaKind(json: json, of: "media"))
        payloadTypes = try mapped(
            try json.listField("payload-types") ?? [], limit: ColibriLimits.payloadTypesPerMedia
        ) { (item) throws(ColibriError) in try PayloadTypeDescription(json: item) }
        headerExtensions = try mapped(
            try json.listField("rtp-hdrexts") ?? [], limit: ColibriLimits.headerExtensionsPerMedia
        ) { (item) throws(ColibriError) in
            guard let id: UInt8 = try item.numberField("id"), id > 0 else {
                throw .badRequest("id of rtp-hdrext must be 1…255")
            }
            guard let uri = try item.textField("uri") else { throw .badRequest("rtp-hdrext needs uri") }
            return HeaderExtensionDescription(id: id, uri: uri)
        }
        allowsMixedExtensions = try json.flagField("extmap-allow-mixed")
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("type", text: kind.rawValue)
        result.add("payload-types", list: payloadTypes.map(\.json))
        result.add(
            "rtp-hdrexts",
            list: headerExtensions.map { .object([("id", .integer(Int64($0.id))), ("uri", .string($0.uri))]) }
        )
        result.add("extmap-allow-mixed", ifTrue: allowsMixedExtensions)
        return result.value
    }
}

extension PayloadTypeDescription {
    init(json: JSONValue) throws(ColibriError) {
        guard let id: UInt8 = try json.numberField("id"), id < 128 else {
            throw .badRequest("id of payload-type must be 0…127")
        }
        self.init(
            id: id, name: try json.textField("name") ?? "", clockRate: try json.numberField("clockrate") ?? 0
        )
        channels = try json.numberField("channels") ?? 1
        let members = try json.objectField("parameters")?.objectValue ?? []
        for member in members.prefix(ColibriLimits.parametersPerPayloadType) {
            guard let value = member.value.lenientText else { continue }
            // The nameless parameter of RED travels under an empty name.
            parameters.append(ParameterDescription(name: member.name.isEmpty ? nil : member.name, value: value))
        }
        for item in (try json.listField("rtcp-fbs") ?? []).prefix(ColibriLimits.parametersPerPayloadType) {
            guard let type = try item.textField("type") else { continue }
            feedback.append(FeedbackDescription(type: type, subtype: try item.textField("subtype")))
        }
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("id", number: id)
        result.add("name", text: name.isEmpty ? nil : name)
        result.add("clockrate", number: clockRate == 0 ? nil : clockRate)
        result.add("channels", number: channels == 1 ? nil : channels)
        if !parameters.isEmpty {
            result.add("parameters", .object(parameters.map { ($0.name ?? "", .string($0.value)) }))
        }
        result.add(
            "rtcp-fbs",
            list: feedback.map { entry in
                var item = JSONObjectBuilder()
                item.add("type", text: entry.type)
                item.add("subtype", text: entry.subtype)
                return item.value
            }
        )
        return result.value
    }
}
