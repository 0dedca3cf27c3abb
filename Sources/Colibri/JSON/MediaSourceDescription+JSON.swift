// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension MediaSourceDescription {
    static func list(json: [JSONValue]) throws(ColibriError) -> [MediaSourceDescription] {
        try mapped(json, limit: ColibriLimits.sourcesPerEndpoint) { (item) throws(ColibriError) in
            try MediaSourceDescription(json: item)
        }
    }

    init(json: JSONValue) throws(ColibriError) {
        self.init(
            kind: try MediaKind(json: json, of: "media-source"),
            id: try json.identifierField("id", of: "media-source")
        )
        isSynthetic = try json.flagField("synthetic")
        ssrcs = try mapped(try json.listField("sources") ?? [], limit: ColibriLimits.ssrcsPerSource) {
            (item) throws(ColibriError) in try SSRCDescription(json: item)
        }
        for item in (try json.listField("ssrc-groups") ?? []).prefix(ColibriLimits.groupsPerSource) {
            guard let semantics = try item.textField("semantics") else { continue }
            let members = try mapped(try item.listField("sources") ?? [], limit: ColibriLimits.ssrcsPerSource) {
                (member) throws(ColibriError) in try SSRCDescription(json: member).ssrc
            }
            groups.append(SSRCGroupDescription(semantics: semantics, ssrcs: members.compactMap(\.self)))
        }
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("type", text: kind.rawValue)
        result.add("id", text: id)
        result.add("synthetic", ifTrue: isSynthetic)
        result.add("sources", list: ssrcs.map(\.json))
        result.add(
            "ssrc-groups",
            list: groups.map { group in
                .object([
                    ("semantics", .string(group.semantics)),
                    ("sources", .array(group.ssrcs.map { .integer(Int64($0)) })),
                ])
            }
        )
        return result.value
    }
}

extension SSRCDescription {
    /// A bare number, or an object when there is more to say than the SSRC.
    init(json: JSONValue) throws(ColibriError) {
        guard json.objectValue != nil else {
            guard let ssrc = json.ssrc else { throw .badRequest("a source is not a usable number") }
            self.init(ssrc: ssrc)
            return
        }
        self.init(
            ssrc: try json.numberField("ssrc"), name: try json.textField("name"),
            videoType: try json.textField("videoType")
        )
    }

    var json: JSONValue {
        if let ssrc, name == nil, videoType == nil { return .integer(Int64(ssrc)) }
        var result = JSONObjectBuilder()
        result.add("ssrc", number: ssrc)
        result.add("name", text: name)
        result.add("videoType", text: videoType)
        return result.value
    }
}
