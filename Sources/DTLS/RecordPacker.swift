// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Cuts a string of DTLS records into datagrams: whole records, as many as fit (RFC 6347 4.1.1).
enum RecordPacker {
    /// Length of a record's header (RFC 6347 4.1).
    static let headerBytes = 13

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
