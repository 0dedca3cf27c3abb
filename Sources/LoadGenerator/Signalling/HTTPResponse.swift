// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An HTTP/1.1 answer (RFC 9112), read piece by piece.
struct HTTPResponse: Equatable {
    var status = 0
    var body: [UInt8] = []
    /// Whether the server keeps the connection.
    var keepsAlive = true

    /// Reads the first answer in `bytes`.
    /// - Returns: the answer and its length on the wire; `nil` when more bytes are needed.
    static func parse(_ bytes: [UInt8], isEnd: Bool) throws(LoadError) -> (response: HTTPResponse, length: Int)? {
        guard let headEnd = find([13, 10, 13, 10], in: bytes, from: 0) else {
            guard !isEnd, bytes.count < LoadGeneratorLimits.answerBytes else { throw .connection("cut HTTP answer") }
            return nil
        }
        let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        let statusLine = lines.first?.split(separator: " ") ?? []
        guard statusLine.count >= 2, statusLine[0].hasPrefix("HTTP/1."), let status = Int(statusLine[1]) else {
            throw .connection("no HTTP answer")
        }
        var response = HTTPResponse(status: status)
        response.keepsAlive = statusLine[0] == "HTTP/1.1"
        var length: Int?
        var isChunked = false
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }.lowercased()
            switch line[..<colon].lowercased() {
            case "content-length": length = Int(value)
            case "transfer-encoding": isChunked = value.contains("chunked")
            case "connection": response.keepsAlive = value != "close"
            default: break
            }
        }
        let start = headEnd + 4
        if isChunked { return try parseChunks(bytes, from: start, response, isEnd: isEnd) }
        if status == 204 || status == 304 { length = 0 }
        guard let length else {
            // The body ends with the connection.
            response.keepsAlive = false
            guard isEnd else { return nil }
            response.body = Array(bytes[start...])
            return (response, bytes.count)
        }
        guard length >= 0, length <= LoadGeneratorLimits.answerBytes else { throw .connection("HTTP answer too long") }
        guard bytes.count >= start + length else {
            if isEnd { throw .connection("cut HTTP answer") }
            return nil
        }
        response.body = Array(bytes[start..<start + length])
        return (response, start + length)
    }

    private static func parseChunks(
        _ bytes: [UInt8], from start: Int, _ head: HTTPResponse, isEnd: Bool
    ) throws(LoadError) -> (response: HTTPResponse, length: Int)? {
        var response = head
        var at = start
        // Ends: each turn passes a chunk.
        while let lineEnd = find([13, 10], in: bytes, from: at) {
            let text = String(decoding: bytes[at..<lineEnd], as: UTF8.self).prefix { $0 != ";" }
            guard let size = Int(text, radix: 16), size >= 0, size <= LoadGeneratorLimits.answerBytes else {
                throw .connection("bad chunk in HTTP answer")
            }
            let next = lineEnd + 2 + size + 2
            guard bytes.count >= next else { break }
            if size == 0 { return (response, next) }
            response.body += bytes[lineEnd + 2..<lineEnd + 2 + size]
            at = next
        }
        guard !isEnd, bytes.count < 2 * LoadGeneratorLimits.answerBytes else { throw .connection("cut HTTP answer") }
        return nil
    }

    private static func find(_ pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= start + pattern.count else { return nil }
        for index in start...(bytes.count - pattern.count)
        where bytes[index] == pattern[0] && bytes[index..<index + pattern.count].elementsEqual(pattern) {
            return index
        }
        return nil
    }
}
