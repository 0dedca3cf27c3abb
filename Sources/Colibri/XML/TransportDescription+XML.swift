// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import XML

extension TransportDescription {
    init(_ element: XMLElement) throws(ColibriError) {
        self.init()
        isICEControlling = element.flag("ice-controlling")
        usesUniquePort = element.flag("use-unique-port")
        isICERestart = element.flag("ice-restart")
        // Two different elements named transport nest: the namespace tells them apart.
        if let child = element.child("transport", ColibriNamespace.ice) {
            iceUDP = try ICETransportDescription(child)
        }
        if let child = element.colibriChild("sctp") {
            sctp = SCTPDescription(role: child["role"]?.lowercased(), port: try child.number("port"))
        }
    }

    var xmlElement: XMLElement {
        var result = XMLElement(
            "transport", ColibriNamespace.colibri2,
            attributes: [
                "ice-controlling": isICEControlling ? "true" : nil, "use-unique-port": usesUniquePort ? "true" : nil,
                "ice-restart": isICERestart ? "true" : nil,
            ]
        )
        if let iceUDP { result.append(iceUDP.xmlElement) }
        if let sctp {
            result.append(
                XMLElement(
                    "sctp", ColibriNamespace.colibri2,
                    attributes: ["port": sctp.port.map { "\($0)" }, "role": sctp.role]
                )
            )
        }
        return result
    }
}

extension ICETransportDescription {
    init(_ element: XMLElement) throws(ColibriError) {
        self.init()
        ufrag = element["ufrag"]
        password = element["pwd"]
        generation = try element.number("ice-generation")
        hasRTCPMux = element.child("rtcp-mux", ColibriNamespace.ice) != nil
        for child in element.children("fingerprint", ColibriNamespace.dtls)
            .prefix(ColibriLimits.fingerprintsPerTransport)
        {
            guard let hash = child["hash"] else { throw .badRequest("fingerprint needs hash") }
            let text = String(child.text.filter { !$0.isWhitespace })
            var fingerprint = FingerprintDescription(hash: hash, setup: child["setup"], text: text)
            fingerprint.hasCryptex = child.flag("cryptex")
            fingerprints.append(fingerprint)
        }
        webSockets = element.children("web-socket", ColibriNamespace.colibri1)
            .prefix(ColibriLimits.webSocketsPerTransport).compactMap { $0["url"] }
        candidates = element.children("candidate", ColibriNamespace.ice).prefix(ColibriLimits.candidatesPerTransport)
            .compactMap { CandidateDescription($0) }
    }

    /// Children in JVB's order: rtcp-mux, fingerprint, web-socket, candidate.
    var xmlElement: XMLElement {
        var result = XMLElement(
            "transport", ColibriNamespace.ice,
            attributes: ["ufrag": ufrag, "pwd": password, "ice-generation": generation.map { "\($0)" }]
        )
        if hasRTCPMux { result.append(XMLElement("rtcp-mux", ColibriNamespace.ice)) }
        for fingerprint in fingerprints {
            result.append(
                XMLElement(
                    "fingerprint", ColibriNamespace.dtls,
                    attributes: [
                        "hash": fingerprint.hash, "setup": fingerprint.setup,
                        "cryptex": fingerprint.hasCryptex ? "true" : nil,
                    ],
                    text: fingerprint.text
                )
            )
        }
        for url in webSockets {
            result.append(XMLElement("web-socket", ColibriNamespace.colibri1, attributes: ["url": url]))
        }
        for candidate in candidates { result.append(candidate.xmlElement) }
        return result
    }
}

extension CandidateDescription {
    /// A candidate, or `nil` when it lacks what is needed to use it: such ones are skipped, as mDNS names are.
    init?(_ element: XMLElement) {
        guard let ip = element["ip"], let port = element["port"].flatMap({ UInt16($0) }),
            let priority = element["priority"].flatMap({ UInt32($0) })
        else { return nil }
        self.init(type: element["type"] ?? "host", ip: ip, port: port, priority: priority)
        guard let component = Int(element["component"] ?? "1"), let generation = Int(element["generation"] ?? "0"),
            let network = Int(element["network"] ?? "0")
        else { return nil }
        self.component = component
        self.generation = generation
        self.network = network
        foundation = element["foundation"] ?? "1"
        id = element["id"] ?? ""
        protocolName = element["protocol"]?.lowercased() ?? "udp"
        relatedAddress = element["rel-addr"]
        relatedPort = element["rel-port"].flatMap { UInt16($0) }
    }

    var xmlElement: XMLElement {
        XMLElement(
            "candidate", ColibriNamespace.ice,
            attributes: [
                "component": "\(component)", "foundation": foundation, "generation": "\(generation)", "id": id,
                "network": "\(network)", "priority": "\(priority)", "protocol": protocolName, "type": type, "ip": ip,
                "port": "\(port)", "rel-addr": relatedAddress, "rel-port": relatedPort.map { "\($0)" },
            ]
        )
    }
}
