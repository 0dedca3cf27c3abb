// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Scenarios that show a known fault, with the reason; each leaves the list with the fault's mend. A sweep plays them,
/// tells what it sees, and does not fail.
enum ExpectedFailures {
    static let reasons: [String: String] = [:]
}
