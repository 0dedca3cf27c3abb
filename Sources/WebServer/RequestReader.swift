// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CWebSockets

/// Reads a request's line and headers out of libwebsockets. Valid only inside the callback for the request.
struct RequestReader {
    let handle: OpaquePointer

    /// What the headers say about the body.
    enum Body: Equatable {
        case none
        case bytes(Int)
        /// Cannot be accepted, with the status to answer.
        case refused(Int)
    }

    /// The whole value of a header, `nil` when it is absent.
    func header(_ token: lws_token_indexes) -> String? {
        let length = lws_hdr_total_length(handle, token)
        guard length > 0 else { return nil }
        guard length <= WebServerLimits.headerSize else { return nil }
        var bytes = [CChar](repeating: 0, count: Int(length) + 1)
        let copied = lws_hdr_copy(handle, &bytes, length + 1, token)
        guard copied > 0 else { return nil }
        return String(decoding: bytes.prefix(Int(copied)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether one of the headers that are looked at is too long.
    var hasOversizedHeader: Bool {
        [
            WSI_TOKEN_HTTP_ACCEPT, WSI_TOKEN_HTTP_CONTENT_TYPE, WSI_TOKEN_HTTP_CONTENT_LENGTH, WSI_TOKEN_HOST,
            WSI_TOKEN_ORIGIN,
        ].contains { lws_hdr_total_length(handle, $0) > WebServerLimits.headerSize }
    }

    /// HTTP/1.1 demands a Host header (RFC 9112 section 3.2).
    var lacksHost: Bool {
        header(WSI_TOKEN_HTTP)?.uppercased() == "HTTP/1.1" && lws_hdr_total_length(handle, WSI_TOKEN_HOST) <= 0
    }

    /// Method and path, `nil` for a method that is not supported.
    func line() -> (method: HTTPMethod, path: String)? {
        let methods: [(lws_token_indexes, HTTPMethod)] = [
            (WSI_TOKEN_GET_URI, .get), (WSI_TOKEN_HEAD_URI, .head), (WSI_TOKEN_POST_URI, .post),
            (WSI_TOKEN_PUT_URI, .put), (WSI_TOKEN_PATCH_URI, .patch), (WSI_TOKEN_DELETE_URI, .delete),
            (WSI_TOKEN_OPTIONS_URI, .options),
        ]
        for (token, method) in methods where lws_hdr_total_length(handle, token) > 0 {
            guard let path = header(token) else { return nil }
            return (method, path)
        }
        return nil
    }

    /// Bytes of path and query together.
    var targetSize: Int {
        let paths = [WSI_TOKEN_GET_URI, WSI_TOKEN_HEAD_URI, WSI_TOKEN_POST_URI, WSI_TOKEN_PUT_URI, WSI_TOKEN_PATCH_URI]
        return (paths + [WSI_TOKEN_HTTP_URI_ARGS]).reduce(0) { $0 + Int(max(lws_hdr_total_length(handle, $1), 0)) }
    }

    /// The query's parameters, joined by `&`.
    var query: String {
        var parts: [String] = []
        var buffer = [CChar](repeating: 0, count: WebServerLimits.targetSize + 1)
        var index: Int32 = 0
        while parts.count < 64 {
            let length = lws_hdr_copy_fragment(handle, &buffer, Int32(buffer.count), WSI_TOKEN_HTTP_URI_ARGS, index)
            guard length > 0 else { break }
            parts.append(String(decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
            index += 1
        }
        return parts.joined(separator: "&")
    }

    /// The body's length. A body without a length is refused, except that an absent length means no body.
    var body: Body {
        if lws_hdr_total_length(handle, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 { return .refused(411) }
        guard lws_hdr_total_length(handle, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 else { return .none }
        guard let text = header(WSI_TOKEN_HTTP_CONTENT_LENGTH),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return .refused(400) }
        guard let length = Int(text), length <= WebServerLimits.bodySize else { return .refused(413) }
        return length == 0 ? .none : .bytes(length)
    }

    /// Whether the method normally has a body, so that libwebsockets would go on waiting for one.
    static func expectsBody(_ method: HTTPMethod) -> Bool {
        method == .post || method == .put || method == .patch
    }
}
