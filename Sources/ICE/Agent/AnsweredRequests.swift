// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Remembers how requests were answered, so that a retransmission gets the same answer and has no effect twice
/// (RFC 8489 §6.3.1). The answer's bytes follow from the request and the code, so only the code is kept.
struct AnsweredRequests {
    private struct Entry: BitwiseCopyable {
        var id: TransactionID
        var source: Destination
        var code: UInt16
        var time: Timestamp
    }

    private var entries: [Entry] = []
    private var next = 0

    /// The error code (0 for success) that an earlier copy of this request got.
    func code(for id: TransactionID, from source: Destination, at now: Timestamp) -> Int? {
        for entry in entries where entry.id == id && entry.source == source {
            return now - entry.time <= ICELimits.answerLifetime ? Int(entry.code) : nil
        }
        return nil
    }

    /// Remembers an answer, in place of the oldest one when there are too many.
    mutating func insert(_ id: TransactionID, from source: Destination, code: Int, at now: Timestamp) {
        let entry = Entry(id: id, source: source, code: UInt16(truncatingIfNeeded: code), time: now)
        // Entries are in order of time from `next` on, so an outdated one at `next` can be overwritten before the
        // table is full: a quiet agent keeps a small table.
        if next < entries.count, now - entries[next].time > ICELimits.answerLifetime {
            entries[next] = entry
        } else if entries.count < ICELimits.answeredRequests {
            entries.insert(entry, at: next)
        } else {
            entries[next] = entry
        }
        next += 1
        if next >= entries.count { next = 0 }
    }
}
