// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import XML

extension MediaKind {
    /// The `type` attribute of `media` and `media-source`.
    init(_ element: XMLElement) throws(ColibriError) {
        guard let kind = element["type"].flatMap({ MediaKind(rawValue: $0.lowercased()) }) else {
            throw .badRequest("type of \(element.name) must be audio or video")
        }
        self = kind
    }
}

extension MediaDescription {
    init(_ element: XMLElement) throws(ColibriError) {
        self.init(kind: try MediaKind(element))
        payloadTypes = try mapped(
            element.children("payload-type", ColibriNamespace.rtp), limit: ColibriLimits.payloadTypesPerMedia
        ) { (child) throws(ColibriError) in try PayloadTypeDescription(child) }
        headerExtensions = try mapped(
            element.children("rtp-hdrext", ColibriNamespace.headerExtensions),
            limit: ColibriLimits.headerExtensionsPerMedia
        ) { (child) throws(ColibriError) in
            guard let id: UInt8 = try child.number("id"), id > 0 else {
                throw .badRequest("id of rtp-hdrext must be 1…255")
            }
            guard let uri = child["uri"] else { throw .badRequest("rtp-hdrext needs uri") }
            return HeaderExtensionDescription(id: id, uri: uri)
        }
        allowsMixedExtensions = element.child("extmap-allow-mixed", ColibriNamespace.headerExtensions) != nil
    }

    var xmlElement: XMLElement {
        var result = XMLElement("media", ColibriNamespace.colibri2, attributes: ["type": kind.rawValue])
        for payloadType in payloadTypes { result.append(payloadType.xmlElement) }
        for mapping in headerExtensions {
            result.append(
                XMLElement(
                    "rtp-hdrext", ColibriNamespace.headerExtensions,
                    attributes: ["id": "\(mapping.id)", "uri": mapping.uri]
                )
            )
        }
        if allowsMixedExtensions {
            result.append(XMLElement("extmap-allow-mixed", ColibriNamespace.headerExtensions))
        }
        return result
    }
}

extension PayloadTypeDescription {
    init(_ element: XMLElement) throws(ColibriError) {
        guard let id: UInt8 = try element.number("id"), id < 128 else {
            throw .badRequest("id of payload-type must be 0…127")
        }
        self.init(id: id, name: element["name"] ?? "", clockRate: try element.number("clockrate") ?? 0)
        channels = try element.number("channels") ?? 1
        for child in element.children("parameter", ColibriNamespace.rtp).prefix(ColibriLimits.parametersPerPayloadType)
        {
            parameters.append(ParameterDescription(name: child["name"], value: child["value"] ?? ""))
        }
        for child in element.children("rtcp-fb", ColibriNamespace.feedback)
            .prefix(ColibriLimits.parametersPerPayloadType)
        {
            guard let type = child["type"] else { continue }
            feedback.append(FeedbackDescription(type: type, subtype: child["subtype"]))
        }
    }

    var xmlElement: XMLElement {
        var result = XMLElement(
            "payload-type", ColibriNamespace.rtp,
            attributes: [
                "id": "\(id)", "name": name.isEmpty ? nil : name, "clockrate": clockRate == 0 ? nil : "\(clockRate)",
                "channels": channels == 1 ? nil : "\(channels)",
            ]
        )
        for parameter in parameters {
            result.append(
                XMLElement(
                    "parameter", ColibriNamespace.rtp, attributes: ["name": parameter.name, "value": parameter.value]
                )
            )
        }
        for entry in feedback {
            result.append(
                XMLElement(
                    "rtcp-fb", ColibriNamespace.feedback, attributes: ["type": entry.type, "subtype": entry.subtype]
                )
            )
        }
        return result
    }
}
