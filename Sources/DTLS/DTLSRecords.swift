// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Records seen from outside: their headers alone (RFC 6347 4.1).
enum DTLSRecords {
    /// Length of a record's header (RFC 6347 4.1).
    static let headerBytes = 13

    /// Whether `datagram` holds an encrypted record shorter than any genuine one.
    ///
    /// Some versions of OpenSSL (3.0.20 is one) end the whole association over such a record, which anybody can send
    /// from a forged address. RFC 6347 4.1.2.7 wants it passed over.
    static func hasStub(_ datagram: RawSpan, leastBytes: Int) -> Bool {
        var start = 0
        // Ends: each turn goes a header further.
        while datagram.byteCount - start >= headerBytes {
            let epoch = datagram.uint16(at: start + 3)
            let length = Int(datagram.uint16(at: start + 11))
            if epoch > 0, length < leastBytes { return true }
            start += headerBytes + length
        }
        return false
    }

    /// Cuts a string of records into datagrams: whole records, as many as fit (RFC 6347 4.1.1).
    ///
    /// The datagrams, in order. A record longer than `limit` has a datagram of its own; what is not a record is left
    /// out.
    static func datagrams(_ records: [UInt8], limit: Int) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var start = 0
        var end = 0
        while records.count - end >= headerBytes {
            let next = end + headerBytes + (Int(records[end + 11]) << 8 | Int(records[end + 12]))
            guard next <= records.count else { break }
            if next - start > limit, end > start {
                result.append(Array(records[start..<end]))
                start = end
            }
            end = next
        }
        if end > start { result.append(Array(records[start..<end])) }
        return result
    }
}
