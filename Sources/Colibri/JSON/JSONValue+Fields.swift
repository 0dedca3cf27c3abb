// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Typed reading of members. A member of another type than expected is a bad-request that names it; `null` counts as
/// absent.
extension JSONValue {
    /// A member that is there and not `null`.
    func field(_ name: String) -> JSONValue? {
        guard let value = self[name], value != .null else { return nil }
        return value
    }

    /// Text; numbers and booleans are taken as their text, since senders differ.
    func textField(_ name: String) throws(ColibriError) -> String? {
        guard let value = field(name) else { return nil }
        guard let text = value.lenientText else { throw .badRequest("\(name) must be text") }
        return text
    }

    func identifierField(_ name: String, of what: String) throws(ColibriError) -> String {
        guard let text = try textField(name) else { throw .badRequest("\(what) needs \(name)") }
        return try checkedIdentifier(text, of: "\(name) of \(what)")
    }

    func flagField(_ name: String, default fallback: Bool = false) throws(ColibriError) -> Bool {
        guard let value = field(name) else { return fallback }
        guard let flag = value.boolValue else { throw .badRequest("\(name) must be true or false") }
        return flag
    }

    func numberField<Number: FixedWidthInteger>(_ name: String) throws(ColibriError) -> Number? {
        guard let value = field(name) else { return nil }
        guard let number = value.integerValue.flatMap({ Number(exactly: $0) }) else {
            throw .badRequest("\(name) is not a usable number")
        }
        return number
    }

    func listField(_ name: String) throws(ColibriError) -> [JSONValue]? {
        guard let value = field(name) else { return nil }
        guard let list = value.arrayValue else { throw .badRequest("\(name) must be a list") }
        return list
    }

    func objectField(_ name: String) throws(ColibriError) -> JSONValue? {
        guard let value = field(name) else { return nil }
        guard value.objectValue != nil else { throw .badRequest("\(name) must be an object") }
        return value
    }

    /// The text of a string, number or boolean.
    var lenientText: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .number(let number): number.plainDecimal
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// An SSRC: an unsigned 32-bit number.
    var ssrc: UInt32? { integerValue.flatMap { UInt32(exactly: $0) } }
}

/// Collects the members of an object, leaving out what is absent.
struct JSONObjectBuilder {
    private var members: [JSONMember] = []

    var value: JSONValue { .object(members) }

    mutating func add(_ name: String, _ value: JSONValue?) {
        if let value { members.append(JSONMember(name: name, value: value)) }
    }

    mutating func add(_ name: String, text: String?) { add(name, text.map { .string($0) }) }
    mutating func add(_ name: String, number: (some BinaryInteger)?) { add(name, number.map { .integer(Int64($0)) }) }
    mutating func add(_ name: String, ifTrue flag: Bool) { if flag { add(name, .bool(true)) } }

    /// A list, left out when it is empty.
    mutating func add(_ name: String, list: [JSONValue]) { if !list.isEmpty { add(name, .array(list)) } }
}
