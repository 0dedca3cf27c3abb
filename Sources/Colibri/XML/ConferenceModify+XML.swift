// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import XML

extension ConferenceModify {
    /// Whether the payload of an IQ is a conference-modify.
    public static func matches(_ element: XMLElement) -> Bool {
        element.isNamed("conference-modify", ColibriNamespace.colibri2)
    }

    /// Reads a conference-modify; unknown elements and attributes are skipped (control-plane.md 3.1).
    ///
    /// - Throws: a bad-request that names what is wrong.
    public init(_ element: XMLElement) throws(ColibriError) {
        guard Self.matches(element) else { throw .badRequest("not a conference-modify") }
        self.init(meetingID: try element.identifier("meeting-id"))
        name = element["name"]
        isCreate = element.flag("create")
        isExpire = element.flag("expire")
        isRTCStatsEnabled = element.flag("rtcstats-enabled", default: true)
        let endpointElements = element.colibriChildren("endpoint")
        guard endpointElements.count <= ColibriLimits.endpointsPerRequest else {
            throw .badRequest("too many endpoints in one request")
        }
        endpoints = try mapped(endpointElements, limit: .max) { (child) throws(ColibriError) in
            try EndpointModify(child)
        }
        relays = try mapped(element.colibriChildren("relay"), limit: ColibriLimits.relaysPerRequest) {
            (child) throws(ColibriError) in
            var relay = RelayModify(id: try child.identifier("id"))
            relay.isCreate = child.flag("create")
            relay.isExpire = child.flag("expire")
            return relay
        }
        if let list = element.colibriChild("connects") {
            let children = list.colibriChildren("connect")
            guard children.count <= ColibriLimits.connectsPerRequest else {
                throw .badRequest("too many connects in one request")
            }
            connects = try mapped(children, limit: .max) { (child) throws(ColibriError) in try ConnectModify(child) }
        }
    }

    /// The element, as a focus sends it.
    public var xmlElement: XMLElement {
        var result = XMLElement(
            "conference-modify", ColibriNamespace.colibri2,
            attributes: [
                "meeting-id": meetingID, "name": name, "create": isCreate ? "true" : nil,
                "expire": isExpire ? "true" : nil, "rtcstats-enabled": isRTCStatsEnabled ? nil : "false",
            ]
        )
        for endpoint in endpoints { result.append(endpoint.xmlElement) }
        for relay in relays {
            result.append(
                XMLElement(
                    "relay", ColibriNamespace.colibri2,
                    attributes: [
                        "id": relay.id, "create": relay.isCreate ? "true" : nil,
                        "expire": relay.isExpire ? "true" : nil,
                    ]
                )
            )
        }
        if let connects {
            result.append(
                XMLElement("connects", ColibriNamespace.colibri2, children: connects.map(\.xmlElement))
            )
        }
        return result
    }
}

extension ConnectModify {
    init(_ element: XMLElement) throws(ColibriError) {
        guard let url = element["url"] else { throw .badRequest("connect needs url") }
        self.init(url: url)
        if element["id"] != nil { id = try element.identifier("id") }
        protocolName = element["protocol"]
        type = element["type"]
        audio = element.flag("audio")
        video = element.flag("video")
        isCreate = element.flag("create")
        isExpire = element.flag("expire")
        for header in element.colibriChildren("http-header").prefix(ColibriLimits.namesPerConnect) {
            guard let name = header["name"], let value = header["value"] else { continue }
            headers.append(ConnectHeader(name: name, value: value))
        }
        if let ping = element.colibriChild("ping") {
            self.ping = ConnectPing(
                intervalMilliseconds: try ping.number("interval") ?? 0,
                timeoutMilliseconds: try ping.number("timeout") ?? 0
            )
        }
        exports = Self.names(element, list: "exports", item: "export")
        requests = Self.names(element, list: "requests", item: "request")
    }

    private static func names(_ element: XMLElement, list: String, item: String) -> [String]? {
        guard let list = element.colibriChild(list) else { return nil }
        return list.colibriChildren(item).prefix(ColibriLimits.namesPerConnect).compactMap { $0["name"] }
    }

    var xmlElement: XMLElement {
        var result = XMLElement(
            "connect", ColibriNamespace.colibri2,
            attributes: [
                "id": id, "url": url, "protocol": protocolName, "type": type, "audio": audio ? "true" : nil,
                "video": video ? "true" : nil, "create": isCreate ? "true" : nil, "expire": isExpire ? "true" : nil,
            ]
        )
        for header in headers {
            result.append(
                XMLElement(
                    "http-header", ColibriNamespace.colibri2, attributes: ["name": header.name, "value": header.value]
                )
            )
        }
        if let ping {
            result.append(
                XMLElement(
                    "ping", ColibriNamespace.colibri2,
                    attributes: ["interval": "\(ping.intervalMilliseconds)", "timeout": "\(ping.timeoutMilliseconds)"]
                )
            )
        }
        for (list, item, names) in [("exports", "export", exports), ("requests", "request", requests)] {
            guard let names else { continue }
            let items = names.map { XMLElement(item, ColibriNamespace.colibri2, attributes: ["name": $0]) }
            result.append(XMLElement(list, ColibriNamespace.colibri2, children: items))
        }
        return result
    }
}
