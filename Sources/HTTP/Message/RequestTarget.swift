// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a request asks for, out of each form of a request target (RFC 9112 3.2).
struct RequestTarget: Equatable, Sendable {
    let path: String
    let query: String

    /// - Parameter bytes: printable ASCII.
    init(_ bytes: [UInt8], method: String) throws(Refusal) {
        if bytes == [UInt8(ascii: "*")] {
            guard method == "OPTIONS" else { throw .badTarget }
            (path, query) = ("*", "")
            return
        }
        var origin = bytes[...]
        if bytes.first != UInt8(ascii: "/") { origin = try Self.afterAuthority(bytes) }
        // RFC 9110 7.1: a fragment is not sent.
        guard !origin.contains(UInt8(ascii: "#")) else { throw .badTarget }
        let parts = origin.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        path = Self.resolved(try Self.decoded(parts.first ?? []))
        query = parts.count > 1 ? try Self.query(parts[1]) : ""
    }

    /// Passes over scheme and authority of the absolute form. The authority is not looked at, as the Host header is
    /// not: there is one bridge, whatever it is called.
    private static func afterAuthority(_ bytes: [UInt8]) throws(Refusal) -> ArraySlice<UInt8> {
        for scheme in ["http://", "https://"] {
            let prefix = bytes.prefix(scheme.utf8.count)
            guard String(decoding: prefix, as: UTF8.self).lowercased() == scheme else { continue }
            let rest = bytes.dropFirst(scheme.utf8.count)
            let authority = rest.prefix {
                $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
            }
            // RFC 9110 4.2.1 and 4.2.4: an empty host and a user are both wrong.
            guard !authority.isEmpty, authority.allSatisfy(ByteClass.isHost), authority.first != UInt8(ascii: ":")
            else { throw .badTarget }
            let origin = rest[authority.endIndex...]
            return origin.first == UInt8(ascii: "/") ? origin : ([UInt8(ascii: "/")] + origin)[...]
        }
        throw .badTarget
    }

    /// Percent-decodes (RFC 3986 2.1). No NUL comes out: whatever stands behind would be cut where C reads the path.
    private static func decoded(_ bytes: some Collection<UInt8>) throws(Refusal) -> [UInt8] {
        var result: [UInt8] = []
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(ByteClass.hexadecimal),
                let low = iterator.next().flatMap(ByteClass.hexadecimal), high != 0 || low != 0
            else { throw .badTarget }
            result.append(high << 4 | low)
        }
        return result
    }

    /// Resolves `.` and `..` (RFC 3986 5.2.4), which never lead above the root. Done after decoding, so that an
    /// encoded dot hides nothing.
    private static func resolved(_ path: [UInt8]) -> String {
        let dot = UInt8(ascii: ".")
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        var kept: [ArraySlice<UInt8>] = []
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            if segment.elementsEqual([dot]) || segment.elementsEqual([dot, dot]) {
                if segment.count == 2 { _ = kept.popLast() }
                if isLast { kept.append([]) }
            } else {
                kept.append(segment)
            }
        }
        return String(decoding: [UInt8(ascii: "/")] + kept.joined(separator: [UInt8(ascii: "/")]), as: UTF8.self)
    }

    private static func query(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> String {
        var parts: [String] = []
        for part in bytes.split(separator: UInt8(ascii: "&")).prefix(HTTPLimits.queryParameters) {
            let spaced = part.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
            parts.append(String(decoding: try decoded(spaced), as: UTF8.self))
        }
        return parts.joined(separator: "&")
    }
}
