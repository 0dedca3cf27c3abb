// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import XML

extension EndpointModify {
    init(_ element: XMLElement) throws(ColibriError) {
        self.init(id: try element.identifier("id"))
        isCreate = element.flag("create")
        isExpire = element.flag("expire")
        statsID = element["stats-id"]
        mucRole = element["muc-role"]
        capabilities = element.colibriChildren("capability").prefix(ColibriLimits.capabilitiesPerEndpoint)
            .compactMap { $0["name"] }
        media = try mapped(element.colibriChildren("media"), limit: ColibriLimits.mediaPerEndpoint) {
            (child) throws(ColibriError) in try MediaDescription(child)
        }
        if let child = element.colibriChild("transport") { transport = try TransportDescription(child) }
        if let child = element.colibriChild("sources") { sources = try MediaSourceDescription.list(in: child) }
        if let child = element.colibriChild("force-mute") {
            forceMute = ForceMute(audio: child.flag("audio"), video: child.flag("video"))
        }
        if let child = element.colibriChild("initial-last-n") { initialLastN = try child.number("value") }
    }

    /// In the order of the recorded requests: media, transport, sources, capabilities, the rest.
    var xmlElement: XMLElement {
        var result = XMLElement(
            "endpoint", ColibriNamespace.colibri2,
            attributes: [
                "id": id, "create": isCreate ? "true" : nil, "expire": isExpire ? "true" : nil, "stats-id": statsID,
                "muc-role": mucRole,
            ]
        )
        for description in media { result.append(description.xmlElement) }
        if let transport { result.append(transport.xmlElement) }
        if let sources { result.append(MediaSourceDescription.xmlElement(of: sources)) }
        for name in capabilities {
            result.append(XMLElement("capability", ColibriNamespace.colibri2, attributes: ["name": name]))
        }
        if let forceMute {
            result.append(
                XMLElement(
                    "force-mute", ColibriNamespace.colibri2,
                    attributes: ["audio": forceMute.audio ? "true" : nil, "video": forceMute.video ? "true" : nil]
                )
            )
        }
        if let initialLastN {
            result.append(
                XMLElement("initial-last-n", ColibriNamespace.colibri2, attributes: ["value": "\(initialLastN)"])
            )
        }
        return result
    }
}
