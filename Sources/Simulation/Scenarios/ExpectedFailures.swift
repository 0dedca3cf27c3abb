// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Scenarios that show a known fault, with the reason; each leaves the list with the fault's mend. A sweep plays them,
/// tells what it sees, and does not fail.
enum ExpectedFailures {
    static let reasons: [String: String] = [
        "reports": "every sender report of a compound goes to every receiver",
        "interleaved": "runs break as soon as senders interleave",
        "keyframe-storm": "with 1,024 pairs in the table a further pair has no quota",
        "crowd": "a turn's budget does not count receivers, so a small meeting waits for a large one",
        "foreign": "a source that found no place is not taken up when the place is free",
    ]
}
