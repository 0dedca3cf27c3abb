// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Results in answers to RE-CONFIG requests (RFC 6525 §4.4).
enum ResetResult {
    static let nothingToDo: UInt32 = 0
    static let performed: UInt32 = 1
    static let denied: UInt32 = 2
    static let badNumber: UInt32 = 5
    static let inProgress: UInt32 = 6
}
