// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import XML

extension MediaSourceDescription {
    /// The media sources inside a `sources` element.
    static func list(in element: XMLElement) throws(ColibriError) -> [MediaSourceDescription] {
        try mapped(element.colibriChildren("media-source"), limit: ColibriLimits.sourcesPerEndpoint) {
            (child) throws(ColibriError) in try MediaSourceDescription(child)
        }
    }

    /// A `sources` element with these media sources.
    static func xmlElement(of sources: [MediaSourceDescription]) -> XMLElement {
        XMLElement("sources", ColibriNamespace.colibri2, children: sources.map(\.xmlElement))
    }

    init(_ element: XMLElement) throws(ColibriError) {
        self.init(kind: try MediaKind(element), id: try element.identifier("id"))
        isSynthetic = element.flag("synthetic")
        ssrcs = try mapped(element.children("source", ColibriNamespace.sources), limit: ColibriLimits.ssrcsPerSource) {
            (child) throws(ColibriError) in
            SSRCDescription(ssrc: try child.number("ssrc"), name: child["name"], videoType: child["videoType"])
        }
        for child in element.children("ssrc-group", ColibriNamespace.sources).prefix(ColibriLimits.groupsPerSource) {
            guard let semantics = child["semantics"] else { continue }
            let members = try mapped(
                child.children("source", ColibriNamespace.sources), limit: ColibriLimits.ssrcsPerSource
            ) { (member) throws(ColibriError) -> UInt32? in try member.number("ssrc") }
            groups.append(SSRCGroupDescription(semantics: semantics, ssrcs: members.compactMap(\.self)))
        }
    }

    private var xmlElement: XMLElement {
        var result = XMLElement(
            "media-source", ColibriNamespace.colibri2,
            attributes: ["type": kind.rawValue, "id": id, "synthetic": isSynthetic ? "true" : nil]
        )
        for entry in ssrcs {
            result.append(
                XMLElement(
                    "source", ColibriNamespace.sources,
                    attributes: [
                        "ssrc": entry.ssrc.map { "\($0)" }, "name": entry.name, "videoType": entry.videoType,
                    ]
                )
            )
        }
        for group in groups {
            let members = group.ssrcs.map {
                XMLElement("source", ColibriNamespace.sources, attributes: ["ssrc": "\($0)"])
            }
            result.append(
                XMLElement(
                    "ssrc-group", ColibriNamespace.sources, attributes: ["semantics": group.semantics],
                    children: members
                )
            )
        }
        return result
    }
}
