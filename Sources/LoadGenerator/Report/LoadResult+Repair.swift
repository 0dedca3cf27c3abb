// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What was lost on purpose and what was repaired, in the three forms of the report.
extension LoadResult {
    /// What was amiss with the repair.
    var repairImperfections: [String] {
        let r = statistics.repair
        guard options.isLossy else {
            // What a change of encoding leaves free is nobody's loss.
            let explained = r.cameLate + statistics.pictures.cutShort
            return Self.lines([(r.missed - min(explained, r.missed), "packets of pictures missing")])
        }
        // One of a hundred: when the call ends, some are still on their way.
        guard r.unrepaired * 100 > r.missed else { return [] }
        return ["\(r.unrepaired) of \(r.missed) missing packets of pictures never came"]
    }

    /// The rows of the table.
    var repairRows: [(String, String)] {
        let r = statistics.repair
        var rows: [(String, String)] = []
        if options.isLossy { rows.append(("lost on purpose up / down", "\(r.droppedUp) / \(r.droppedDown)")) }
        rows += [
            ("missing / repaired", "\(r.missed) / \(r.repaired), \(r.cameLate) came late by themselves"),
            ("passed over / never came", "\(r.passedOver) / \(r.unrepaired)"),
            ("NACKs sent, RTX in vain", "\(r.nacksSent), \(r.needless + r.cameTooLate)"),
            ("asked of senders / repeated", "\(r.asked) / \(r.repeated), \(r.unknown) no longer kept"),
        ]
        if r.repairTime.count > 0 { rows.append(("repaired after", spread(r.repairTime))) }
        return rows
    }

    /// The object of the JSON; times in microseconds.
    var repairJSON: JSONValue {
        let r = statistics.repair
        return .object([
            ("dropped_up", Self.number(r.droppedUp)), ("dropped_down", Self.number(r.droppedDown)),
            ("lost_audio", Self.number(r.lostAudio)),
            ("missed", Self.number(r.missed)), ("repaired", Self.number(r.repaired)),
            ("came_late", Self.number(r.cameLate)), ("passed_over", Self.number(r.passedOver)),
            ("given_up", Self.number(r.givenUp)), ("outstanding", Self.number(r.outstanding)),
            ("came_too_late", Self.number(r.cameTooLate)), ("needless", Self.number(r.needless)),
            ("repair_us", Self.times(r.repairTime)), ("nacks_sent", Self.number(r.nacksSent)),
            ("asked", Self.number(r.asked)), ("repeated", Self.number(r.repeated)),
            ("unknown", Self.number(r.unknown)),
        ])
    }
}
