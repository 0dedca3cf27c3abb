// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ConferenceModified {
    /// Reads the JSON form of an answer, as a focus over HTTP does.
    public init(json: JSONValue) throws(ColibriError) {
        guard json.objectValue != nil else { throw .badRequest("the body must be an object") }
        self.init()
        endpoints = try mapped(try json.listField("endpoints") ?? [], limit: ColibriLimits.endpointsPerRequest) {
            (item) throws(ColibriError) in
            var endpoint = EndpointModified(id: try item.identifierField("id", of: "endpoint"))
            endpoint.isExpired = try item.flagField("expire")
            if let transport = try item.objectField("transport") {
                endpoint.transport = try TransportDescription(json: transport)
            }
            return endpoint
        }
        if let list = try json.listField("sources") { sources = try MediaSourceDescription.list(json: list) }
    }

    /// The JSON form (control-plane.md 7.2).
    public var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add(
            "endpoints",
            list: endpoints.map { endpoint in
                var item = JSONObjectBuilder()
                item.add("id", text: endpoint.id)
                item.add("expire", ifTrue: endpoint.isExpired)
                item.add("transport", endpoint.transport?.json)
                return item.value
            }
        )
        result.add("sources", sources.map { .array($0.map(\.json)) })
        return result.value
    }
}
