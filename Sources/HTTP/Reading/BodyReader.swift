// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads a request's body: so many bytes, or chunks until the last (RFC 9112 6 and 7.1).
enum BodyReader: Sendable {
    /// Bytes that are to come.
    case length(Int)
    /// Chunks.
    case chunked(ChunkReader)

    /// What a head says about the body; `nil` when there is none (RFC 9112 6.3).
    static func forBody(of head: RequestHead) throws(Refusal) -> BodyReader? {
        let lengths = head.values("content-length")
        let codings = head.values("transfer-encoding")
        if !codings.isEmpty {
            // Two lengths, or one that HTTP/1.0 does not know: somebody in between may have read another request.
            // Nor does a body end whose last coding is not chunked (6.3).
            let names = head.members("transfer-encoding")
            guard lengths.isEmpty, head.minorVersion >= 1, names.last == "chunked" else { throw .ambiguousLength }
            guard names.count == 1 else { throw .unsupportedCoding }
            return .chunked(ChunkReader())
        }
        guard let text = lengths.first else { return nil }
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard lengths.count == 1, isNumber else { throw .badLength }
        guard let length = Int(text), length <= HTTPLimits.bodyBytes else { throw .bodyTooLarge }
        return length == 0 ? nil : .length(length)
    }

    /// Takes bytes of the body as far as they are there.
    ///
    /// - Parameters:
    ///   - input: what has arrived.
    ///   - index: where to begin; moved behind what was taken.
    ///   - body: gets the content.
    /// - Returns: whether the body is complete.
    mutating func read(
        _ input: [UInt8], from index: inout Int, into body: inout [UInt8]
    ) throws(Refusal) -> Bool {
        switch self {
        case .length(let remaining):
            let count = min(remaining, input.count - index)
            body += input[index..<index + count]
            index += count
            self = .length(remaining - count)
            return remaining == count
        case .chunked(var reader):
            defer { self = .chunked(reader) }
            return try reader.read(input, from: &index, into: &body)
        }
    }
}
