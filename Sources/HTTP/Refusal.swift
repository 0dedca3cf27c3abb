// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why a request is not handed on: what was wrong with it, and what it is answered with.
public enum Refusal: Error, Equatable, Sendable, CaseIterable {
    /// The first bytes are no request line.
    case notHTTP
    /// A line ends without carriage return and line feed, or holds a character that it may not.
    case badLine
    /// The request target is no path, address or asterisk (RFC 9112 3.2).
    case badTarget
    /// The request target is too long.
    case targetTooLong
    /// A version of HTTP other than 1.x.
    case unsupportedVersion
    /// A header line is malformed; one that continues the line before it is, too (RFC 9112 5.2).
    case badField
    /// Header lines that are too many or too long.
    case fieldsTooLarge
    /// No Host header, several, or one that is no host (RFC 9112 3.2).
    case badHost
    /// CONNECT: this is no proxy.
    case tunnel
    /// A Content-Length that is no number, or several (RFC 9112 6.3).
    case badLength
    /// Content-Length and Transfer-Encoding together, or a coding in HTTP/1.0: where the request ends is in doubt
    /// (RFC 9112 6.1).
    case ambiguousLength
    /// A transfer coding other than chunked.
    case unsupportedCoding
    /// A body longer than ``HTTPLimits/bodyBytes``.
    case bodyTooLarge
    /// A chunk's size, extension or end is malformed.
    case badChunk
    /// An Expect header other than 100-continue.
    case unsupportedExpectation
    /// The request did not arrive in time.
    case tooSlow
    /// The client stopped sending within a request.
    case endsEarly
    /// There is no room for the request.
    case busy
    /// The request was handed on and not answered in time.
    case unanswered

    /// The status code.
    public var status: Int {
        switch self {
        case .notHTTP, .badLine, .badTarget, .badField, .badHost, .badLength, .ambiguousLength, .badChunk, .endsEarly:
            400
        case .tunnel: 405
        case .tooSlow: 408
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedExpectation: 417
        case .fieldsTooLarge: 431
        case .unsupportedCoding: 501
        case .busy, .unanswered: 503
        case .unsupportedVersion: 505
        }
    }

    /// A sentence for whoever reads the answer.
    public var text: String {
        switch self {
        case .notHTTP: "this is not HTTP"
        case .badLine: "the request is malformed"
        case .badTarget: "the address is malformed"
        case .targetTooLong: "the address is too long"
        case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 here"
        case .badField: "a header is malformed"
        case .fieldsTooLarge: "the headers are too large"
        case .badHost: "exactly one Host header is needed"
        case .tunnel: "this is no proxy"
        case .badLength: "the Content-Length is malformed"
        case .ambiguousLength: "the length of the body is ambiguous"
        case .unsupportedCoding: "the only transfer coding is chunked"
        case .bodyTooLarge: "the body is too large"
        case .badChunk: "a chunk is malformed"
        case .unsupportedExpectation: "the only expectation is 100-continue"
        case .tooSlow: "the request came too slowly"
        case .endsEarly: "the request ends early"
        case .busy: "busy"
        case .unanswered: "no answer in time"
        }
    }

    /// Whether the connection ends behind the answer: where the next request would begin is not known. Only a request
    /// that was read whole leaves no doubt.
    var endsConnection: Bool { self != .unanswered }
}
