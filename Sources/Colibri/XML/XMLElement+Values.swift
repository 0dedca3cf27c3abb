// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import XML

extension XMLElement {
    /// A boolean attribute; missing or anything but `true` and `1` means `fallback` or false.
    func flag(_ name: String, default fallback: Bool = false) -> Bool {
        guard let text = self[name] else { return fallback }
        return text.lowercased() == "true" || text == "1"
    }

    /// A required identifier that is neither blank nor boundless.
    func identifier(_ name: String) throws(ColibriError) -> String {
        guard let text = self[name] else { throw .badRequest("\(self.name) needs \(name)") }
        return try checkedIdentifier(text, of: "\(name) of \(self.name)")
    }

    /// A whole number; `nil` when missing.
    func number<Number: FixedWidthInteger>(_ name: String) throws(ColibriError) -> Number? {
        guard let text = self[name] else { return nil }
        guard let value = Number(text) else { throw .badRequest("\(name) of \(self.name) is not a usable number") }
        return value
    }

    /// The Colibri2 children of that name.
    func colibriChildren(_ name: String) -> [XMLElement] { children(name, ColibriNamespace.colibri2) }

    /// The first Colibri2 child of that name.
    func colibriChild(_ name: String) -> XMLElement? { child(name, ColibriNamespace.colibri2) }
}

/// Refuses identifiers that are blank or longer than ``ColibriLimits/identifierBytes``.
func checkedIdentifier(_ text: String, of what: String) throws(ColibriError) -> String {
    guard text.contains(where: { !$0.isWhitespace }) else { throw .badRequest("\(what) is blank") }
    guard text.utf8.count <= ColibriLimits.identifierBytes else { throw .badRequest("\(what) is too long") }
    return text
}

/// Maps at most `limit` elements, keeping typed errors.
func mapped<Source, Value>(
    _ elements: [Source], limit: Int, _ transform: (Source) throws(ColibriError) -> Value
) throws(ColibriError) -> [Value] {
    var result: [Value] = []
    for element in elements.prefix(limit) { result.append(try transform(element)) }
    return result
}
