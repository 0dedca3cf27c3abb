// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Who talks when, so that the speakers of a conference become those that a recording tells of.
///
/// One talks until the next begins. A microphone is on from shortly before its owner talks for the first time: who is
/// heard first is the dominant speaker, loud or not. Who does not talk any more is heard softly.
struct SpeechScript {
    struct Talk {
        var id: String
        var start: Timestamp
        var end: Timestamp
    }

    /// Who cannot follow: the recording's speakers are not those before, with one of them in front.
    struct Unfollowed: Error { var order: [String] }

    /// Of 127, as the conference counts.
    static let loud: UInt8 = 110
    /// See ``loud``.
    static let soft: UInt8 = 8
    /// From the first loud packet to the decision, at the most; the first speaker needs less.
    private static let takeover = (first: TimeDelta.milliseconds(400), later: TimeDelta.milliseconds(900))
    /// Where speakers change faster they change later here.
    private static let shortest = TimeDelta.seconds(1 as Int64)
    /// Those of whose turns the recording does not tell talk for so long.
    private static let unrecorded = TimeDelta.seconds(2 as Int64)

    var talks: [Talk] = []
    /// The speakers when all have talked, the latest first.
    private var order: [String] = []

    /// The speakers, the dominant one first, are these at a time.
    mutating func follow(_ wanted: [String], at time: Timestamp) throws {
        guard let speaker = wanted.first, wanted != order else { return }
        var start = time - (wanted.count == 1 ? Self.takeover.first : Self.takeover.later)
        if order.isEmpty {
            for (count, id) in wanted.dropFirst().enumerated().reversed() {
                add(id, from: start - Self.unrecorded * Int64(count + 1))
            }
            order = Array(wanted.dropFirst())
        }
        guard Array(wanted.dropFirst()) == order.filter({ $0 != speaker }) else { throw Unfollowed(order: wanted) }
        if let last = talks.last { start = max(start, last.start + Self.shortest) }
        add(speaker, from: start)
        order = wanted
    }

    private mutating func add(_ id: String, from start: Timestamp) {
        if !talks.isEmpty { talks[talks.count - 1].end = start }
        talks.append(Talk(id: id, start: start, end: .distantFuture))
    }

    /// A member is made anew: it has never spoken, and is quiet.
    mutating func renew(_ id: String, at time: Timestamp) {
        order.removeAll { $0 == id }
        if let last = talks.last, last.id == id { talks[talks.count - 1].end = time }
    }

    /// One talks while whoever would talk is quiet.
    mutating func interject(_ id: String, from start: Timestamp, until end: Timestamp) {
        guard let index = talks.firstIndex(where: { $0.start <= start && end < $0.end }) else { return }
        let rest = Talk(id: talks[index].id, start: end, end: talks[index].end)
        talks[index].end = start
        talks.insert(contentsOf: [Talk(id: id, start: start, end: end), rest], at: index + 1)
    }

    /// How loud somebody is; `nil` before the microphone is on.
    func level(of id: String, at now: Timestamp) -> UInt8? {
        guard let first = talks.first(where: { $0.id == id })?.start, first - .milliseconds(60) <= now else {
            return nil
        }
        return talks.contains { $0.id == id && $0.start <= now && now < $0.end } ? Self.loud : Self.soft
    }
}
