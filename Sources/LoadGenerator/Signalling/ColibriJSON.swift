// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Colibri2 in its JSON form (control-plane.md 7.2), written and read without the bridge's own code.
enum ColibriJSON {
    /// The body of a request.
    static func body(_ request: FocusRequest, meeting: String, name: String) -> JSONValue {
        var members: [(String, JSONValue)] = [("meeting-id", .string(meeting))]
        switch request {
        case .create(let endpoint, let newConference, let sctp, let rewriting):
            if newConference {
                members.append(("name", .string(name)))
                members.append(("create", .bool(true)))
            }
            members.append(("endpoints", .array([create(endpoint, sctp: sctp, rewriting: rewriting)])))
        case .update(let endpoint, let transport, let sources):
            members.append(("endpoints", .array([update(endpoint, transport, sources)])))
        case .expireConference:
            members.append(("expire", .bool(true)))
        }
        return .object(members)
    }

    /// The bridge's transport of `endpoint` in an answer.
    static func transport(of endpoint: String, in answer: JSONValue) throws(LoadError) -> BridgeTransport {
        let found = answer["endpoints"]?.arrayValue?.first { $0["id"]?.stringValue == endpoint }
        guard let ice = found?["transport"]?["transport"] else { throw .badAnswer("no transport of \(endpoint)") }
        guard let ufrag = ice["ufrag"]?.stringValue, let password = ice["pwd"]?.stringValue else {
            throw .badAnswer("no ICE credentials")
        }
        var candidates: [BridgeTransport.Candidate] = []
        for candidate in ice["candidates"]?.arrayValue ?? [] {
            guard let ip = candidate["ip"]?.stringValue, let port = candidate["port"]?.integerValue,
                let number = UInt16(exactly: port), let address = TransportAddress(ip: ip, port: number),
                candidate["protocol"]?.stringValue?.lowercased() == "udp"
            else { continue }
            candidates.append(
                BridgeTransport.Candidate(
                    address: address,
                    priority: UInt32(clamping: candidate["priority"]?.integerValue ?? 0),
                    isRelayed: candidate["type"]?.stringValue == "relay"))
        }
        var fingerprints: [BridgeTransport.Fingerprint] = []
        for item in ice["fingerprints"]?.arrayValue ?? [] {
            guard let text = item["fingerprint"]?.stringValue, let hash = item["hash"]?.stringValue,
                let digest = BridgeTransport.Fingerprint.digest(text)
            else { continue }
            fingerprints.append(
                BridgeTransport.Fingerprint(
                    hash: hash.lowercased(), digest: digest, setup: item["setup"]?.stringValue ?? ""))
        }
        guard !candidates.isEmpty else { throw .badAnswer("no usable candidate") }
        guard !fingerprints.isEmpty else { throw .badAnswer("no fingerprint") }
        return BridgeTransport(
            ufrag: ufrag, password: password, candidates: candidates, fingerprints: fingerprints,
            hasSCTP: found?["transport"]?["sctp"]?["port"]?.integerValue == 5_000,
            webSockets: (ice["web-sockets"]?.arrayValue ?? []).compactMap(\.stringValue))
    }

    private static func create(_ endpoint: String, sctp: Bool, rewriting: Bool) -> JSONValue {
        var transport: [(String, JSONValue)] = [("ice-controlling", .bool(true))]
        if sctp { transport.append(("sctp", .object([] as [(String, JSONValue)]))) }
        return .object([
            ("id", .string(endpoint)),
            ("create", .bool(true)),
            ("stats-id", .string("load-\(endpoint)")),
            (
                "medias",
                .array([
                    media("audio", [opus], Offer.audioExtensions), media("video", [vp8, rtx], Offer.videoExtensions),
                ])
            ),
            ("transport", .object(transport)),
            ("sources", .array([])),
            ("capabilities", .array((["source-names"] + (rewriting ? ["ssrc-rewriting"] : [])).map { .string($0) })),
        ])
    }

    private static func update(
        _ endpoint: String, _ transport: ParticipantTransport, _ sources: [SignalledSource]
    ) -> JSONValue {
        let fingerprint = JSONValue.object([
            ("hash", .string("sha-256")),
            ("setup", .string(transport.setup)),
            ("fingerprint", .string(BridgeTransport.Fingerprint.text(transport.fingerprint))),
        ])
        let ice = JSONValue.object([
            ("xmlns", .string("urn:xmpp:jingle:transports:ice-udp:1")),
            ("ufrag", .string(transport.ufrag)),
            ("pwd", .string(transport.password)),
            ("rtcp-mux", .bool(true)),
            ("fingerprints", .array([fingerprint])),
        ])
        let listed = sources.map { source in
            let streams = source.ssrcs.map { ssrc in
                var stream: [(String, JSONValue)] = [
                    ("ssrc", .integer(Int64(ssrc))), ("name", .string(source.name)),
                ]
                if source.isVideo { stream.append(("videoType", .string("camera"))) }
                return JSONValue.object(stream)
            }
            var members: [(String, JSONValue)] = [
                ("type", .string(source.isVideo ? "video" : "audio")),
                ("id", .string(source.name)),
                ("sources", .array(streams)),
            ]
            let groups = source.groups.map { group in
                JSONValue.object([
                    ("semantics", .string(group.semantics)),
                    ("sources", .array(group.ssrcs.map { .integer(Int64($0)) })),
                ])
            }
            if !groups.isEmpty { members.append(("ssrc-groups", .array(groups))) }
            return JSONValue.object(members)
        }
        return .object([
            ("id", .string(endpoint)),
            ("stats-id", .string("load-\(endpoint)")),
            ("transport", .object([("transport", ice)])),
            ("sources", .array(listed)),
        ])
    }

    private static var opus: JSONValue {
        .object([
            ("id", .integer(Int64(Offer.opus))), ("name", .string("opus")), ("clockrate", .integer(48_000)),
            ("channels", .integer(2)),
            ("parameters", .object([("minptime", .string("10")), ("useinbandfec", .string("1"))])),
            ("rtcp-fbs", .array([.object([("type", .string("transport-cc"))])])),
        ])
    }

    private static var vp8: JSONValue {
        .object([
            ("id", .integer(Int64(Offer.vp8))), ("name", .string("VP8")), ("clockrate", .integer(90_000)),
            ("rtcp-fbs", .array(Offer.videoFeedback.map(feedback))),
        ])
    }

    private static var rtx: JSONValue {
        .object([
            ("id", .integer(Int64(Offer.rtx))), ("name", .string("rtx")), ("clockrate", .integer(90_000)),
            ("parameters", .object([("apt", .string("\(Offer.vp8)"))])),
            ("rtcp-fbs", .array(Offer.rtxFeedback.map(feedback))),
        ])
    }

    private static func feedback(_ item: (String, String?)) -> JSONValue {
        var members: [(String, JSONValue)] = [("type", .string(item.0))]
        if let subtype = item.1 { members.append(("subtype", .string(subtype))) }
        return .object(members)
    }

    private static func media(_ type: String, _ payloads: [JSONValue], _ extensions: [(UInt8, String)]) -> JSONValue {
        .object([
            ("type", .string(type)),
            ("payload-types", .array(payloads)),
            (
                "rtp-hdrexts",
                .array(extensions.map { .object([("id", .integer(Int64($0.0))), ("uri", .string($0.1))]) })
            ),
            ("extmap-allow-mixed", .bool(true)),
        ])
    }
}
