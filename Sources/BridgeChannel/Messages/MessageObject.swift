// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A JSON object of which only the places of its top members are known: the text stays as it came.
///
/// Reading makes one pass over the bytes and builds no tree, so what is passed on is neither copied nor changed, and a
/// message made to be expensive costs no more than its length. Everything is checked on the way: grammar, UTF-8, depth,
/// and that no object names a member twice.
struct MessageObject: Hashable, Sendable {
    /// Where a member stands.
    struct Member: Hashable, Sendable {
        /// Of its name after escapes.
        let hash: UInt64
        /// Its name with the quotes.
        let name: Range<Int>
        /// Its value.
        let value: Range<Int>
    }

    /// The text.
    let bytes: [UInt8]
    /// The members in their order.
    let members: [Member]

    /// Reads a text, which must be one object and white space.
    init(_ bytes: [UInt8]) throws(BridgeChannelError) {
        guard bytes.count <= BridgeChannelLimits.messageBytes else { throw .tooLong }
        do { _ = try UTF8Span(validating: bytes.span) } catch { throw .invalidText }
        var scanner = MessageScanner(bytes: bytes)
        members = try scanner.document()
        self.bytes = bytes
    }

    /// The place of a member.
    func member(_ name: String) -> Member? {
        let hash = MessageScanner.hash(name)
        return members.first { $0.hash == hash && text(at: $0.name) == name }
    }

    /// A member's value; `nil` when it is not there or `null`.
    func value(_ name: String) throws(BridgeChannelError) -> JSONValue? {
        guard let member = member(name) else { return nil }
        let value: JSONValue
        do { value = try JSONValue.parse(Array(bytes[member.value])) } catch { throw .invalidField }
        return value == .null ? nil : value
    }

    /// The text with another member, or with another value of it where it is there already.
    /// - Parameters:
    ///   - neighbour: it stands behind this member, else at the front.
    func setting(_ name: String, to value: JSONValue, behind neighbour: String) -> [UInt8] {
        if let member = member(name) {
            return Array(bytes[..<member.value.lowerBound]) + value.serialized() + bytes[member.value.upperBound...]
        }
        let addition = JSONValue.string(name).serialized() + [UInt8(ascii: ":")] + value.serialized()
        guard let place = (self.member(neighbour) ?? members.first)?.value.upperBound else {
            return [UInt8(ascii: "{")] + addition + [UInt8(ascii: "}")]
        }
        return Array(bytes[..<place]) + [UInt8(ascii: ",")] + addition + bytes[place...]
    }

    private func text(at range: Range<Int>) -> String? {
        (try? JSONValue.parse(Array(bytes[range])))?.stringValue
    }
}
