// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension TransportDescription {
    init(json: JSONValue) throws(ColibriError) {
        self.init()
        isICEControlling = try json.flagField("ice-controlling")
        usesUniquePort = try json.flagField("use-unique-port")
        isICERestart = try json.flagField("ice-restart")
        if let item = try json.objectField("transport") { iceUDP = try ICETransportDescription(json: item) }
        if let item = try json.objectField("sctp") {
            sctp = SCTPDescription(
                role: try item.textField("role")?.lowercased(), port: try item.numberField("port")
            )
        }
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("ice-controlling", ifTrue: isICEControlling)
        result.add("use-unique-port", ifTrue: usesUniquePort)
        result.add("ice-restart", ifTrue: isICERestart)
        result.add("transport", iceUDP?.json)
        if let sctp {
            var item = JSONObjectBuilder()
            item.add("port", number: sctp.port)
            item.add("role", text: sctp.role)
            result.add("sctp", item.value)
        }
        return result.value
    }
}

extension ICETransportDescription {
    init(json: JSONValue) throws(ColibriError) {
        self.init()
        ufrag = try json.textField("ufrag")
        password = try json.textField("pwd")
        generation = try json.numberField("ice-generation")
        hasRTCPMux = try json.flagField("rtcp-mux")
        fingerprints = try mapped(
            try json.listField("fingerprints") ?? [], limit: ColibriLimits.fingerprintsPerTransport
        ) { (item) throws(ColibriError) in
            guard let hash = try item.textField("hash") else { throw .badRequest("fingerprint needs hash") }
            let text = String((try item.textField("fingerprint") ?? "").filter { !$0.isWhitespace })
            var fingerprint = FingerprintDescription(hash: hash, setup: try item.textField("setup"), text: text)
            fingerprint.hasCryptex = try item.flagField("cryptex")
            return fingerprint
        }
        webSockets = try (json.listField("web-sockets") ?? []).prefix(ColibriLimits.webSocketsPerTransport)
            .compactMap(\.stringValue)
        candidates = try (json.listField("candidates") ?? []).prefix(ColibriLimits.candidatesPerTransport)
            .compactMap { CandidateDescription(json: $0) }
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("xmlns", text: ColibriNamespace.ice)
        result.add("ufrag", text: ufrag)
        result.add("pwd", text: password)
        result.add("ice-generation", number: generation)
        result.add("rtcp-mux", ifTrue: hasRTCPMux)
        result.add(
            "fingerprints",
            list: fingerprints.map { fingerprint in
                var item = JSONObjectBuilder()
                item.add("fingerprint", text: fingerprint.text)
                item.add("hash", text: fingerprint.hash)
                item.add("setup", text: fingerprint.setup)
                item.add("cryptex", ifTrue: fingerprint.hasCryptex)
                return item.value
            }
        )
        result.add("web-sockets", list: webSockets.map { .string($0) })
        result.add("candidates", list: candidates.map(\.json))
        return result.value
    }
}

extension CandidateDescription {
    /// A candidate, or `nil` when it lacks what is needed to use it.
    init?(json: JSONValue) {
        func number<Number: FixedWidthInteger>(_ name: String, _ fallback: Number?) -> Number? {
            guard let value = json.field(name) else { return fallback }
            return value.integerValue.flatMap { Number(exactly: $0) }
        }
        guard let ip = json.field("ip")?.stringValue, let port: UInt16 = number("port", nil),
            let priority: UInt32 = number("priority", nil), let component = number("component", 1),
            let generation = number("generation", 0), let network = number("network", 0)
        else { return nil }
        self.init(type: json.field("type")?.stringValue ?? "host", ip: ip, port: port, priority: priority)
        self.component = component
        self.generation = generation
        self.network = network
        foundation = json.field("foundation")?.lenientText ?? "1"
        id = json.field("id")?.lenientText ?? ""
        protocolName = json.field("protocol")?.stringValue?.lowercased() ?? "udp"
        relatedAddress = json.field("rel-addr")?.stringValue
        relatedPort = number("rel-port", nil)
    }

    var json: JSONValue {
        var result = JSONObjectBuilder()
        result.add("component", number: component)
        result.add("foundation", text: foundation)
        result.add("generation", number: generation)
        result.add("id", text: id)
        result.add("network", number: network)
        result.add("priority", number: priority)
        result.add("protocol", text: protocolName)
        result.add("type", text: type)
        result.add("ip", text: ip)
        result.add("port", number: port)
        result.add("rel-addr", text: relatedAddress)
        result.add("rel-port", number: relatedPort)
        return result.value
    }
}
