// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Named limits of this target.
public enum HTTPLimits {
    /// Bytes of a method; more is not HTTP.
    static let methodBytes = 32
    /// Bytes of the request target; more is answered with 414.
    public static let targetBytes = 2_048
    /// Bytes of all header lines of a request, and of all its trailers; more is answered with 431.
    public static let fieldSectionBytes = 8_192
    /// Header lines of a request; more is answered with 431.
    public static let fields = 100
    /// Bytes of a header value that somebody looks at; more is answered with 431.
    public static let knownFieldBytes = 2_048
    /// Empty lines before a request that are passed over; more is not HTTP.
    static let leadingEmptyLines = 4
    /// Parameters of a query; the rest is left out.
    static let queryParameters = 64
    /// Bytes of a request's body; more is answered with 413.
    public static let bodyBytes = 1 << 20
    /// Digits of a chunk's size, leading zeros included.
    static let chunkSizeDigits = 16
    /// Bytes of chunk extensions in one body.
    static let chunkExtensionBytes = 4_096
    /// Bytes that are read ahead while a request is being answered: those of the pipelined ones behind it.
    public static let inputBytes = 16_384
    /// Bytes passed over after the last answer, so that the client can read it before the connection is reset.
    static let lingerBytes = 4 << 20
    /// How long that takes at most.
    static let lingerTime = TimeDelta.seconds(2)
}
