// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import XML

/// Colibri2 in its XML form (control-plane.md 3), written and read without the bridge's own code.
enum ColibriXML {
    private static let colibri = "jitsi:colibri2"
    private static let colibri1 = "http://jitsi.org/protocol/colibri"
    private static let ice = "urn:xmpp:jingle:transports:ice-udp:1"
    private static let dtls = "urn:xmpp:jingle:apps:dtls:0"
    private static let rtp = "urn:xmpp:jingle:apps:rtp:1"
    private static let extensions = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
    private static let feedback = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
    private static let sources = "urn:xmpp:jingle:apps:rtp:ssma:0"

    /// The payload of a request.
    static func element(_ request: FocusRequest, meeting: String, name: String) -> XMLElement {
        var modify = XMLElement("conference-modify", colibri, attributes: ["meeting-id": meeting])
        switch request {
        case .create(let endpoint, let newConference, let sctp, let rewriting):
            if newConference {
                modify["name"] = name
                modify["create"] = "true"
            }
            modify.append(create(endpoint, sctp: sctp, rewriting: rewriting))
        case .update(let endpoint, let transport, let sources):
            modify.append(update(endpoint, transport, sources))
        case .expireConference:
            modify["expire"] = "true"
        }
        return modify
    }

    /// The bridge's transport of `endpoint` in an answer.
    static func transport(of endpoint: String, in answer: XMLElement) throws(LoadError) -> BridgeTransport {
        let found = answer.children("endpoint", colibri).first { $0["id"] == endpoint }
        let outer = found?.child("transport", colibri)
        guard let inner = outer?.child("transport", ice) else {
            throw .badAnswer("no transport of \(endpoint)")
        }
        guard let ufrag = inner["ufrag"], let password = inner["pwd"] else { throw .badAnswer("no ICE credentials") }
        var candidates: [BridgeTransport.Candidate] = []
        for candidate in inner.children("candidate", ice) {
            guard let ip = candidate["ip"], let port = candidate["port"].flatMap({ UInt16($0) }),
                let address = TransportAddress(ip: ip, port: port), candidate["protocol"]?.lowercased() == "udp"
            else { continue }
            candidates.append(
                BridgeTransport.Candidate(
                    address: address, priority: candidate["priority"].flatMap { UInt32($0) } ?? 0,
                    isRelayed: candidate["type"] == "relay"))
        }
        var fingerprints: [BridgeTransport.Fingerprint] = []
        for item in inner.children("fingerprint", dtls) {
            let text = String(item.text.filter { !$0.isWhitespace })
            guard let hash = item["hash"], let digest = BridgeTransport.Fingerprint.digest(text) else { continue }
            fingerprints.append(
                BridgeTransport.Fingerprint(hash: hash.lowercased(), digest: digest, setup: item["setup"] ?? ""))
        }
        guard !candidates.isEmpty else { throw .badAnswer("no usable candidate") }
        guard !fingerprints.isEmpty else { throw .badAnswer("no fingerprint") }
        return BridgeTransport(
            ufrag: ufrag, password: password, candidates: candidates, fingerprints: fingerprints,
            hasSCTP: outer?.child("sctp", colibri)?["port"] == "5000",
            webSockets: inner.children("web-socket", colibri1).compactMap { $0["url"] })
    }

    private static func create(_ endpoint: String, sctp: Bool, rewriting: Bool) -> XMLElement {
        let capabilities = ["source-names"] + (rewriting ? ["ssrc-rewriting"] : [])
        return XMLElement(
            "endpoint", colibri, attributes: ["id": endpoint, "create": "true", "stats-id": "load-\(endpoint)"],
            children: [
                media("audio", [opus], Offer.audioExtensions),
                media("video", [vp8, rtx], Offer.videoExtensions),
                XMLElement(
                    "transport", colibri, attributes: ["ice-controlling": "true"],
                    children: sctp ? [XMLElement("sctp", colibri)] : []),
                XMLElement("sources", colibri),
            ] + capabilities.map { XMLElement("capability", colibri, attributes: ["name": $0]) })
    }

    private static func update(
        _ endpoint: String, _ transport: ParticipantTransport, _ signalled: [SignalledSource]
    ) -> XMLElement {
        let fingerprint = XMLElement(
            "fingerprint", dtls, attributes: ["hash": "sha-256", "setup": transport.setup],
            text: BridgeTransport.Fingerprint.text(transport.fingerprint))
        let inner = XMLElement(
            "transport", ice, attributes: ["ufrag": transport.ufrag, "pwd": transport.password],
            children: [fingerprint, XMLElement("rtcp-mux", ice)])
        var list = XMLElement("sources", colibri)
        for source in signalled {
            let streams = source.ssrcs.map { ssrc in
                XMLElement(
                    "source", sources,
                    attributes: [
                        "ssrc": "\(ssrc)", "name": source.name, "videoType": source.isVideo ? "camera" : nil,
                    ])
            }
            let groups = source.groups.map { group in
                XMLElement(
                    "ssrc-group", sources, attributes: ["semantics": group.semantics],
                    children: group.ssrcs.map { XMLElement("source", sources, attributes: ["ssrc": "\($0)"]) })
            }
            list.append(
                XMLElement(
                    "media-source", colibri,
                    attributes: ["type": source.isVideo ? "video" : "audio", "id": source.name],
                    children: streams + groups))
        }
        return XMLElement(
            "endpoint", colibri, attributes: ["id": endpoint, "stats-id": "load-\(endpoint)"],
            children: [XMLElement("transport", colibri, children: [inner]), list])
    }

    private static func media(_ type: String, _ formats: [XMLElement], _ list: [(UInt8, String)]) -> XMLElement {
        var element = XMLElement("media", colibri, attributes: ["type": type], children: formats)
        for (id, uri) in list {
            element.append(XMLElement("rtp-hdrext", extensions, attributes: ["id": "\(id)", "uri": uri]))
        }
        element.append(XMLElement("extmap-allow-mixed", extensions))
        return element
    }

    private static func format(
        _ id: UInt8, _ name: String, _ clockRate: Int, channels: String? = nil, parameters: [(String, String)] = [],
        feedback items: [(String, String?)] = []
    ) -> XMLElement {
        var element = XMLElement(
            "payload-type", rtp,
            attributes: ["id": "\(id)", "name": name, "clockrate": "\(clockRate)", "channels": channels])
        for (name, value) in parameters {
            element.append(XMLElement("parameter", rtp, attributes: ["name": name, "value": value]))
        }
        for (type, subtype) in items {
            element.append(XMLElement("rtcp-fb", feedback, attributes: ["type": type, "subtype": subtype]))
        }
        return element
    }

    private static var opus: XMLElement {
        format(
            Offer.opus, "opus", 48_000, channels: "2", parameters: [("minptime", "10"), ("useinbandfec", "1")],
            feedback: [("transport-cc", nil)])
    }

    private static var vp8: XMLElement { format(Offer.vp8, "VP8", 90_000, feedback: Offer.videoFeedback) }

    private static var rtx: XMLElement {
        format(
            Offer.rtx, "rtx", 90_000, parameters: [("apt", "\(Offer.vp8)")], feedback: Offer.rtxFeedback)
    }
}
