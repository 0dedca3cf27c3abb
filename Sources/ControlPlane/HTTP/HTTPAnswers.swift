// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeControl
internal import Colibri
internal import Primitives
internal import Telemetry
internal import WebServer

/// Answers to the actions of ``HTTPRouter``.
enum HTTPAnswers {
    private static let jsonType = "application/json"

    /// 200 without a body, or 500 with the reason.
    static func health(_ result: HealthResult, id: UInt64) -> HTTPResponse {
        guard let reason = result.reason else { return HTTPResponse(id: id, status: 200, contentType: jsonType) }
        return .text(id: id, status: 500, reason)
    }

    /// 200 with a document.
    static func json(_ value: JSONValue, id: UInt64) -> HTTPResponse {
        HTTPResponse(id: id, status: 200, contentType: jsonType, body: value.serialized())
    }

    /// 200 with the metrics.
    static func metrics(_ document: MetricsDocument, format: MetricsFormat, id: UInt64) -> HTTPResponse {
        HTTPResponse(id: id, status: 200, contentType: format.contentType, body: document.body(format))
    }

    /// `{"drain":false}`.
    static func drain(_ isDraining: Bool, id: UInt64) -> HTTPResponse {
        json(.object([("drain", .bool(isDraining))]), id: id)
    }

    /// 200 without a body.
    static func empty(id: UInt64) -> HTTPResponse {
        HTTPResponse(id: id, status: 200)
    }

    /// The outcome of a Colibri2 request: 200, also for creation; 400; 404 for a change of an unknown meeting
    /// (control-plane.md 7.2).
    static func modified(_ outcome: Result<ConferenceModified, ColibriError>, isUpdate: Bool, id: UInt64)
        -> HTTPResponse
    {
        switch outcome {
        case .success(let answer): return json(answer.json, id: id)
        case .failure(let error):
            let parts = [error.condition.rawValue, error.reason?.rawValue, error.endpointID, error.text]
            let text = parts.compactMap { $0 }.joined(separator: ": ")
            return .text(id: id, status: httpStatus(of: error, isUpdate: isUpdate), text)
        }
    }

    /// The ids of the XMPP connections.
    static func clients(_ ids: [String], id: UInt64) -> HTTPResponse {
        json(.array(ids.map { .string($0) }), id: id)
    }

    /// 200 without a body, or 400 when there is no room for another connection.
    static func clientAdded(_ hasRoom: Bool, id: UInt64) -> HTTPResponse {
        hasRoom ? empty(id: id) : .text(id: id, status: 400, "there are too many XMPP clients")
    }

    /// 200 without a body, or 400 when there was no such connection.
    static func clientRemoved(_ existed: Bool, id: UInt64) -> HTTPResponse {
        existed ? empty(id: id) : .text(id: id, status: 400, "there is no XMPP client of this id")
    }

    /// A conference's state is not offered under its meeting id: 501, or 404 when there is no such conference.
    static func conference(isKnown: Bool, id: UInt64) -> HTTPResponse {
        isKnown
            ? .text(id: id, status: 501, "not offered here; see /debug")
            : .text(id: id, status: 404, "no such conference")
    }
}
