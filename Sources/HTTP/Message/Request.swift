// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A request that arrived whole and is to be answered.
public struct Request: Equatable, Sendable {
    /// The method's name, any token.
    public let method: String
    /// The path: percent-decoded, `.` and `..` resolved; begins with a slash, or is the asterisk of `OPTIONS *`.
    public let path: String
    /// The query without the question mark, percent-decoded per parameter; empty when there is none.
    public let query: String
    /// The body.
    public internal(set) var body: [UInt8] = []
    let head: RequestHead

    /// Whether the request's version is 1.0.
    public var isHTTP10: Bool { head.minorVersion == 0 }

    /// The value of a header; several lines are joined by commas (RFC 9110 5.3). `nil` when there is none.
    /// - Parameter name: in lower case.
    public func field(_ name: String) -> String? {
        let values = head.values(name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Checks what a head says about itself.
    init(_ head: RequestHead) throws(Refusal) {
        guard head.method != "CONNECT" else { throw .tunnel }
        for field in head.fields where Self.knownFields.contains(field.name) {
            guard field.value.utf8.count <= HTTPLimits.knownFieldBytes else { throw .fieldsTooLarge }
        }
        // RFC 9112 3.2: none, several and rubbish are all answered with 400. HTTP/1.0 knew no such header.
        let hosts = head.values("host")
        guard hosts.count <= 1, hosts.count == 1 || head.minorVersion == 0 else { throw .badHost }
        guard hosts.allSatisfy({ $0.utf8.allSatisfy(ByteClass.isHost) }) else { throw .badHost }
        let target = try RequestTarget(head.target, method: head.method)
        method = head.method
        path = target.path
        query = target.query
        self.head = head
    }

    /// Headers that decide something here or behind.
    private static let knownFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "expect", "accept", "content-type", "origin",
        "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions",
    ]
}
