// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why bytes are not an ``ICESessionRecord``.
public enum ICERecordError: Error, Hashable, Sendable {
    /// Not exactly ``ICESessionRecord/byteCount`` bytes.
    case badSize
    /// Not a record, or one of another version.
    case badVersion
    /// A count, an address, a time or a credential that no agent has.
    case badValue
}
