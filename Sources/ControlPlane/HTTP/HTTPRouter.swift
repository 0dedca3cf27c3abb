// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import Colibri
internal import Primitives
internal import Telemetry
internal import WebServer

/// Turns requests into actions: paths, methods, switches, bodies (operations.md c.2). Pure; touches nothing.
///
/// A path that is unknown or switched off is 404, a known path with another method 405 with an Allow header.
struct HTTPRouter: Sendable {
    /// Which groups of paths exist.
    let switches: BridgeSettings.REST
    /// What `/about/version` tells.
    let version: String

    /// The action for a request.
    func action(for request: HTTPRequest) -> HTTPAction {
        let segments = request.path.split(separator: "/").map(String.init)
        let action: HTTPAction?
        switch segments.first {
        case "about": action = about(segments.dropFirst(), request)
        case "metrics" where segments.count == 1 && switches.prometheus: action = get(request, metrics(request))
        case "debug" where switches.debug: action = debug(Array(segments.dropFirst()), request)
        case "colibri": action = colibri(Array(segments.dropFirst()), request)
        default: action = nil
        }
        return action ?? .answer(.text(id: request.id, status: 404, "not found"))
    }

    // MARK: Groups

    private func about(_ segments: ArraySlice<String>, _ request: HTTPRequest) -> HTTPAction? {
        switch Array(segments) {
        case ["health"] where switches.health: return get(request, .health)
        case ["version"] where switches.version:
            let body = JSONValue.object([
                ("name", .string("JVB")), ("version", .string(version)), ("os", .string("Linux")),
            ])
            return get(request, .answer(HTTPAnswers.json(body, id: request.id)))
        default: return nil
        }
    }

    private func metrics(_ request: HTTPRequest) -> HTTPAction {
        guard let format = MetricsFormat.negotiated(accept: request.accept) else {
            let forms = MetricsFormat.allCases.map(\.contentType).joined(separator: ", ")
            return .answer(.text(id: request.id, status: 406, "metrics are served as \(forms)"))
        }
        return .metrics(format)
    }

    private func colibri(_ segments: [String], _ request: HTTPRequest) -> HTTPAction? {
        switch segments.first {
        case "drain" where switches.drain:
            switch segments.dropFirst() {
            case []: return get(request, .drainState)
            case ["enable"]: return post(request, .setDrain(true))
            case ["disable"]: return post(request, .setDrain(false))
            default: return nil
            }
        case "stats" where segments.count == 1 && switches.colibri: return get(request, .statistics)
        case "debug" where switches.colibri: return redirect(segments.dropFirst(), request)
        case "muc-client" where switches.colibri:
            switch segments.dropFirst() {
            case ["list"]: return get(request, .listClients)
            case ["add"]: return post(request, addClient(request))
            case ["remove"]: return post(request, removeClient(request))
            default: return nil
            }
        case "v2" where switches.colibri && segments.count >= 2 && segments[1] == "conferences":
            return conferences(Array(segments.dropFirst(2)), request)
        default: return nil
        }
    }

    // MARK: XMPP clients (control-plane.md 7.1)

    /// Values that are not text are passed over, so that `"port": 6222` means the default as it does in the original.
    private func addClient(_ request: HTTPRequest) -> HTTPAction {
        identified(request) { id, members in
            let properties = members.compactMap { member in
                member.value.stringValue.map { (name: member.name, value: $0) }
            }
            switch XMPPClientSettings.make(id: id, properties: properties.filter { $0.name.lowercased() != "id" }) {
            case .success(let client): return .addClient(client)
            case .failure(let problem): return .answer(.text(id: request.id, status: 400, problem.description))
            }
        }
    }

    private func removeClient(_ request: HTTPRequest) -> HTTPAction {
        identified(request) { id, _ in .removeClient(id) }
    }

    /// Reads a body that must be an object with a text `id`.
    private func identified(
        _ request: HTTPRequest, _ action: (_ id: String, _ members: [JSONMember]) -> HTTPAction
    ) -> HTTPAction {
        do throws(JSONError) {
            let json = try JSONValue.parse(request.body)
            guard case .object(let members) = json, let id = json["id"]?.stringValue, !id.isEmpty else {
                return .answer(.text(id: request.id, status: 400, "the body must be an object with a text \"id\""))
            }
            return action(id, members)
        } catch {
            return .answer(.text(id: request.id, status: 400, "the body is not JSON: \(error)"))
        }
    }

    private func conferences(_ segments: [String], _ request: HTTPRequest) -> HTTPAction? {
        switch segments.count {
        case 0:
            switch request.method {
            case .get: return .answer(.text(id: request.id, status: 501, "conferences cannot be listed; see /debug"))
            case .post: return modify(request, meetingID: nil)
            default: return notAllowed(request, "GET, HEAD, POST")
            }
        case 1:
            switch request.method {
            case .get: return .conference(meetingID: segments[0])
            case .patch: return modify(request, meetingID: segments[0])
            default: return notAllowed(request, "GET, HEAD, PATCH")
            }
        case 2 where segments[1] == "dominant-speaker-identification":
            return get(request, .conference(meetingID: segments[0]))
        default: return nil
        }
    }

    private func modify(_ request: HTTPRequest, meetingID: String?) -> HTTPAction {
        do throws(JSONError) {
            let json = try JSONValue.parse(request.body)
            do throws(ColibriError) {
                return .modify(try ConferenceModify(json: json, meetingID: meetingID), isUpdate: meetingID != nil)
            } catch {
                return .answer(HTTPAnswers.modified(.failure(error), isUpdate: meetingID != nil, id: request.id))
            }
        } catch {
            return .answer(.text(id: request.id, status: 400, "the body is not JSON: \(error)"))
        }
    }

    private func debug(_ segments: [String], _ request: HTTPRequest) -> HTTPAction? {
        let full = request.query.split(separator: "&").last { $0.hasPrefix("full=") }?.dropFirst(5)
        switch segments.first {
        case nil: return get(request, .debug(DebugQuery(isFull: full == "true")))
        case "stats": return debugStatistics(segments.dropFirst(), request)
        case "features": return nil
        default:
            guard segments.count <= 2 else { return nil }
            return get(
                request,
                .debug(
                    DebugQuery(
                        conferenceID: segments[0], endpointID: segments.count > 1 ? segments[1] : nil,
                        isFull: full != "false")))
        }
    }

    private func debugStatistics(_ segments: ArraySlice<String>, _ request: HTTPRequest) -> HTTPAction? {
        guard segments.count == 2, segments.first == "jvb", let name = segments.last else { return nil }
        switch name.lowercased().split(separator: "_").joined(separator: "-") {
        case "xmpp-delay-stats": return get(request, .delayStatistics)
        // Internals of a Java pipeline; scripts that collect everything want an answer.
        case "node-stats", "pool-stats", "task-pool-stats":
            return get(request, .answer(HTTPAnswers.json(.object([JSONMember]()), id: request.id)))
        default: return nil
        }
    }

    /// `/colibri/debug/…` moved to `/debug/…`. Only harmless paths go into the header.
    private func redirect(_ segments: ArraySlice<String>, _ request: HTTPRequest) -> HTTPAction? {
        let rest = segments.joined(separator: "/")
        let isHarmless = rest.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
        guard isHarmless else { return nil }
        let query = ["full=true", "full=false"].contains(request.query) ? "?" + request.query : ""
        return .answer(
            HTTPResponse(id: request.id, status: 301, location: "/debug" + (rest.isEmpty ? "" : "/" + rest) + query))
    }

    // MARK: Methods

    private func get(_ request: HTTPRequest, _ action: HTTPAction) -> HTTPAction {
        request.method == .get ? action : notAllowed(request, "GET, HEAD")
    }

    private func post(_ request: HTTPRequest, _ action: @autoclosure () -> HTTPAction) -> HTTPAction {
        request.method == .post ? action() : notAllowed(request, "POST")
    }

    private func notAllowed(_ request: HTTPRequest, _ methods: String) -> HTTPAction {
        var answer = HTTPResponse.text(id: request.id, status: 405, "only \(methods) here")
        answer.allow = methods
        return .answer(answer)
    }
}
