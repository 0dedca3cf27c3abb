// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

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

    /// Whether the body may have been read only in part, so that the connection cannot be used again.
    var endsConnection: Bool { [400, 408, 411, 413, 414, 431].contains(status) }

    /// Status line and headers.
    func head(keepsAlive: Bool, allowsAnyOrigin: Bool, isPreflight: Bool = false) -> String {
        var head = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        if let contentType { head += "Content-Type: \(contentType)\r\n" }
        if status != 204, status != 304 { head += "Content-Length: \(body.count)\r\n" }
        if let allow { head += "Allow: \(allow)\r\n" }
        if let location { head += "Location: \(location)\r\n" }
        if allowsAnyOrigin { head += "Access-Control-Allow-Origin: *\r\n" }
        if isPreflight {
            head += "Access-Control-Allow-Methods: GET, POST\r\n"
            head += "Access-Control-Allow-Headers: X-Requested-With, Content-Type, Accept, Origin\r\n"
        }
        head += "Cache-Control: no-store\r\n"
        head += keepsAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n"
        return head + "\r\n"
    }

    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        default: status < 400 ? "OK" : "Error"
        }
    }
}
