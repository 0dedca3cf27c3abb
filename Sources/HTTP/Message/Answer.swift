// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a request is answered with.
public struct Answer: Equatable, Sendable {
    /// The status code.
    public var status: Int
    /// The Content-Type header; `nil` leaves it out.
    public var contentType: String?
    /// The body; its length is said, and it is left out of the answer to HEAD.
    public var body: [UInt8]
    /// Further headers, in their order. The caller vouches for them: they hold no line breaks.
    public var fields: [(name: String, value: String)] = []

    /// An answer.
    public init(status: Int, contentType: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    public static func == (a: Answer, b: Answer) -> Bool {
        a.status == b.status && a.contentType == b.contentType && a.body == b.body
            && a.fields.elementsEqual(b.fields) { $0 == $1 }
    }

    /// Status line, headers and the body unless it is left out.
    func bytes(keepsAlive: Bool, omitsBody: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        if let contentType { head += "Content-Type: \(contentType)\r\n" }
        // RFC 9110 8.6: neither of the two has content.
        let hasContent = status != 204 && status != 304
        if hasContent { head += "Content-Length: \(body.count)\r\n" }
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        // RFC 9110 15.5.22: a 426 says to what, and 7.8 that this is between the two of us.
        let upgrade = status == 426 ? "upgrade, " : ""
        head += "Connection: \(upgrade)\(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
        return Array(head.utf8) + (hasContent && !omitsBody ? body : [])
    }

    /// The head of a 101, behind which the connection speaks another protocol (RFC 9110 15.2.2).
    static func switching(to name: String, fields: [(name: String, value: String)]) -> [UInt8] {
        var head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: \(name)\r\nConnection: Upgrade\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        return Array((head + "\r\n").utf8)
    }

    /// The reason phrase; only people read it.
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
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 426: "Upgrade Required"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: status < 400 ? "OK" : "Error"
        }
    }
}
