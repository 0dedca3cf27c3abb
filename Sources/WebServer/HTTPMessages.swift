// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import WebSocket

/// A request method that the server passes on.
public enum HTTPMethod: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
}

/// A complete request, on its way from the web thread to the control loop.
public struct HTTPRequest: Sendable {
    /// Pairs the answer with the request.
    public var id: UInt64
    /// The method; `HEAD` arrives as ``HTTPMethod/get``, its answer's body is not sent.
    public var method: HTTPMethod
    /// The path, percent-decoded, `.` and `..` resolved; begins with a slash.
    public var path: String
    /// The query without the question mark, percent-decoded per parameter; empty when there is none.
    public var query: String
    /// The Accept header.
    public var accept: String?
    /// The Content-Type header.
    public var contentType: String?
    /// The body.
    public var body: [UInt8]

    /// A request.
    public init(
        id: UInt64, method: HTTPMethod, path: String, query: String = "", accept: String? = nil,
        contentType: String? = nil, body: [UInt8] = []
    ) {
        self.id = id
        self.method = method
        self.path = path
        self.query = query
        self.accept = accept
        self.contentType = contentType
        self.body = body
    }

    init(id: UInt64, method: HTTPMethod, _ request: Request) {
        self.init(
            id: id, method: method == .head ? .get : method, path: request.path, query: request.query,
            accept: request.field("accept"), contentType: request.field("content-type"), body: request.body)
    }
}

/// An answer, on its way from the control loop to the web thread.
public struct HTTPResponse: Sendable, Equatable {
    /// The request's ``HTTPRequest/id``.
    public var id: UInt64
    /// The status code.
    public var status: Int
    /// The Content-Type header; `nil` leaves it out.
    public var contentType: String?
    /// The body.
    public var body: [UInt8]
    /// The Allow header of a 405.
    public var allow: String?
    /// The Location header of a redirection.
    public var location: String?
    /// Whether the answer asks for a WebSocket, which it does with status 426.
    var isUpgradeRequired = false

    /// An answer.
    public init(
        id: UInt64, status: Int, contentType: String? = nil, body: [UInt8] = [], allow: String? = nil,
        location: String? = nil
    ) {
        self.id = id
        self.status = status
        self.contentType = contentType
        self.body = body
        self.allow = allow
        self.location = location
    }

    /// A plain-text answer; the text gets a newline.
    public static func text(id: UInt64, status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(id: id, status: status, contentType: "text/plain; charset=utf-8", body: Array((text + "\n").utf8))
    }

    /// What the server answers by itself.
    static func refusal(_ refusal: Refusal) -> HTTPResponse {
        var response = text(id: 0, status: refusal.status, refusal.text)
        if refusal.status == 405 { response.allow = allowed }
        return response
    }

    /// The methods that exist, for an Allow header.
    static let allowed = "GET, HEAD, POST, PATCH, OPTIONS"

    /// The answer in HTTP's form.
    /// - Parameters:
    ///   - allowsAnyOrigin: whether the request came from a page of another origin (operations.md c.1).
    ///   - date: the Date header (RFC 9110 6.6.1).
    func answer(allowsAnyOrigin: Bool, isPreflight: Bool = false, date: String) -> Answer {
        var answer = Answer(status: status, contentType: contentType, body: body)
        if let allow { answer.fields.append(("Allow", allow)) }
        if isUpgradeRequired {
            answer.fields.append(("Upgrade", "websocket"))
            answer.fields.append(("Sec-WebSocket-Version", Handshake.version))
        }
        if let location { answer.fields.append(("Location", location)) }
        if allowsAnyOrigin { answer.fields.append(("Access-Control-Allow-Origin", "*")) }
        if isPreflight {
            answer.fields.append(("Access-Control-Allow-Methods", "GET, POST"))
            answer.fields.append(
                ("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Accept, Origin"))
        }
        answer.fields.append(("Cache-Control", "no-store"))
        answer.fields.append(("Date", date))
        return answer
    }
}
