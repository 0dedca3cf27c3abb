// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import XML

extension ConferenceModified {
    /// Reads a conference-modified, as a focus does.
    public init(_ element: XMLElement) throws(ColibriError) {
        guard element.isNamed("conference-modified", ColibriNamespace.colibri2) else {
            throw .badRequest("not a conference-modified")
        }
        self.init()
        endpoints = try mapped(element.colibriChildren("endpoint"), limit: ColibriLimits.endpointsPerRequest) {
            (child) throws(ColibriError) in
            var endpoint = EndpointModified(id: try child.identifier("id"))
            endpoint.isExpired = child.flag("expire")
            if let transport = child.colibriChild("transport") {
                endpoint.transport = try TransportDescription(transport)
            }
            return endpoint
        }
        if let child = element.colibriChild("sources") { sources = try MediaSourceDescription.list(in: child) }
    }

    /// The element, in JVB's child order: endpoints, then sources.
    public var xmlElement: XMLElement {
        var result = XMLElement("conference-modified", ColibriNamespace.colibri2)
        for endpoint in endpoints {
            result.append(
                XMLElement(
                    "endpoint", ColibriNamespace.colibri2,
                    attributes: ["id": endpoint.id, "expire": endpoint.isExpired ? "true" : nil],
                    children: endpoint.transport.map { [$0.xmlElement] } ?? []
                )
            )
        }
        if let sources { result.append(MediaSourceDescription.xmlElement(of: sources)) }
        return result
    }
}
