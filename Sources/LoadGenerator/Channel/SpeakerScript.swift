// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Who talks when: the audio senders of a conference one after another, told apart by their audio levels alone.
///
/// Before the first turn everybody is quiet, so that a bridge learns what quiet is for each of them; after the last one
/// its speaker goes on until the end.
struct SpeakerScript: Sendable {
    /// Level of somebody who talks, with the voice bit: −30 dBov (RFC 6464).
    static let loud: UInt8 = 0x80 | 30
    /// Level of somebody who listens. Not 127: that is digital silence, which bridges drop.
    static let quiet: UInt8 = 100

    /// How long each talks.
    let turn: TimeDelta
    /// Turns that fit into the call; without any everybody talks all the time.
    let turns: Int
    /// When the first turn begins, once that is known.
    var begin: Timestamp?

    init(_ options: LoadOptions) {
        turn = .seconds(options.turnSeconds)
        turns = options.turns
    }

    /// The turn at `now`; `nil` before the first.
    func number(at now: Timestamp) -> Int? {
        guard let begin, turns > 0, now >= begin else { return nil }
        return min(Int((now - begin).nanoseconds / max(turn.nanoseconds, 1)), turns - 1)
    }

    /// When turn `number` begins.
    func begin(of number: Int) -> Timestamp? { begin.map { $0 + turn * Int64(number) } }

    /// How many turns have ended at `now`.
    func ended(at now: Timestamp) -> Int {
        guard let begin, turns > 0, now >= begin else { return 0 }
        return min(Int((now - begin).nanoseconds / max(turn.nanoseconds, 1)), turns)
    }

    /// Who of `speakers` talks in turn `number`. Not the first one first: bridges take the first they hear for the
    /// speaker, and the first turn is to be a change.
    static func speaker(in number: Int, of speakers: Int) -> Int { (number + 1) % max(speakers, 1) }

    /// The byte of the audio level extension (RFC 6464 section 3) for one of `speakers`.
    func level(of speaker: Int, of speakers: Int, at now: Timestamp) -> UInt8 {
        guard turns > 0 else { return Self.loud }
        guard let number = number(at: now) else { return Self.quiet }
        return Self.speaker(in: number, of: speakers) == speaker ? Self.loud : Self.quiet
    }
}
