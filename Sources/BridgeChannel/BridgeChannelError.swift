// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why a text is not a message that we take (media-plane.md 11.3). The raw value names the counter.
public enum BridgeChannelError: String, Error, Hashable, Sendable, CaseIterable {
    /// Longer than ``BridgeChannelLimits/messageBytes``.
    case tooLong = "too_long"
    /// Not UTF-8.
    case invalidText = "invalid_text"
    /// Not the grammar of RFC 8259.
    case invalidJSON = "invalid_json"
    /// Deeper than ``BridgeChannelLimits/depth``.
    case tooDeep = "too_deep"
    /// JSON, but no object.
    case notAnObject = "not_an_object"
    /// An object, at any depth, has two members of one name.
    case duplicateName = "duplicate_name"
    /// More than ``BridgeChannelLimits/members`` members at the top.
    case tooManyMembers = "too_many_members"
    /// No `colibriClass`, or it is no text.
    case noClass = "no_class"
    /// A `colibriClass` that we do not know.
    case unknownClass = "unknown_class"
    /// A member that the class needs is not there.
    case missingField = "missing_field"
    /// A member has a value of the wrong type, or one that is out of range.
    case invalidField = "invalid_field"
    /// A word that is none of those the member knows.
    case unknownValue = "unknown_value"
}
