// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A JSON document (RFC 8259). Objects keep the order of their members, so that documents are written the same way
/// every time.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number; never infinite when it comes from ``parse(_:)``.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// An object from pairs.
    public static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { JSONMember(name: $0.0, value: $0.1) })
    }

    /// The member of that name; of several the last one. `nil` when there is none or this is no object.
    public subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// The text of a string.
    public var stringValue: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// A boolean, also when it was written as text (`"true"`), which some senders do.
    public var boolValue: Bool? {
        switch self {
        case .bool(let value): value
        case .string("true"): true
        case .string("false"): false
        default: nil
        }
    }

    /// A whole number, also when it was written as text or as `3.0`.
    public var integerValue: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        case .string(let text): Int64(text)
        default: nil
        }
    }

    /// A number of any kind.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The elements of an array.
    public var arrayValue: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    /// The members of an object.
    public var objectValue: [JSONMember]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}

/// One name and its value in a JSON object.
public struct JSONMember: Hashable, Sendable {
    /// The name.
    public var name: String
    /// The value.
    public var value: JSONValue

    /// A member.
    public init(name: String, value: JSONValue) {
        self.name = name
        self.value = value
    }
}

/// Bounds of what ``JSONValue/parse(_:)`` accepts.
public enum JSONLimits {
    /// Bytes of a document.
    public static let bytes = 1 << 20
    /// Arrays and objects inside each other.
    public static let depth = 32
    /// Values of all kinds in one document.
    public static let values = 100_000
}

/// Why a text is not JSON that we accept. `offset` is a byte position, counted from 0.
public enum JSONError: Error, Hashable, Sendable {
    /// Longer than ``JSONLimits/bytes``.
    case tooLong
    /// Deeper than ``JSONLimits/depth``.
    case tooDeep(offset: Int)
    /// More values than ``JSONLimits/values``.
    case tooManyValues(offset: Int)
    /// Something other than JSON's grammar allows here.
    case unexpected(offset: Int)
    /// The text ended in the middle.
    case truncated
    /// A string is not UTF-8, or escapes half a surrogate pair.
    case invalidText(offset: Int)
    /// A number beyond what a double holds.
    case numberOutOfRange(offset: Int)
}
