// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@Suite("JSON")
struct JSONTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

    @Test("values of all kinds are read, objects keep their order")
    func kinds() throws {
        let value = try parse(" {\"b\" : [null,true,false,-12,1.5,2e3,\"\\u00e4\\ud83d\\ude00\\n\"], \"a\":{}} \n")
        #expect(
            value
                == .object([
                    (
                        "b",
                        .array([
                            .null, .bool(true), .bool(false), .integer(-12), .number(1.5), .number(2_000),
                            .string("ä😀\n"),
                        ])
                    ), ("a", .object([JSONMember]())),
                ])
        )
        #expect(value["a"] == .object([JSONMember]()))
        #expect(value["c"] == nil)
    }

    @Test("of members with one name the last counts")
    func duplicates() throws {
        #expect(try parse(#"{"a":1,"a":2}"#)["a"] == .integer(2))
    }

    @Test("whole numbers beyond 64 bits become doubles, numbers beyond doubles are refused")
    func numbers() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(throws: JSONError.numberOutOfRange(offset: 0)) { try parse("1e999") }
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "-", "1.", ".5", "1e", "+1", "tru", "nul",
            "\"a",
            "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\u12g4\"", "\"\u{1}\"", "1 2", "[1 2]", "NaN", "'a'",
        ]
    )
    func refusals(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test("text that is not UTF-8 is refused")
    func invalidUTF8() {
        #expect(throws: JSONError.invalidText(offset: 0)) { try JSONValue.parse([0x22, 0xFF, 0x22]) }
    }

    @Test("depth, size and number of values are bounded")
    func limits() {
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 100_000)) }
        #expect(throws: JSONError.self) { try parse("[" + String(repeating: "1,", count: 200_000) + "1]") }
        #expect(throws: JSONError.tooLong) {
            try JSONValue.parse([UInt8](repeating: 0x20, count: JSONLimits.bytes + 1))
        }
    }

    @Test("what was written is read back the same; damaged text never traps")
    func roundTrip() {
        let failure = checkProperty(cases: 2_000) { random in
            let value = Self.sample(depth: 0, using: &random)
            let bytes = value.serialized()
            guard (try? JSONValue.parse(bytes)) == value else { return "\(value.text) did not come back" }
            if let other = try? JSONValue.parse(mutate(bytes, using: &random)) {
                guard (try? JSONValue.parse(other.serialized())) == other else {
                    return "\(other.text) did not come back"
                }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test(
        "numbers are written without exponent",
        arguments: [
            (0.0, "0.0"), (0.0001, "0.0001"), (1e-7, "0.0000001"), (-1.25e-9, "-0.00000000125"), (3, "3.0"),
            (1e21, "1000000000000000000000.0"), (1.5e20, "150000000000000000000.0"), (12.5, "12.5"),
            (.nan, "0.0"), (.infinity, "0.0"),
            (.leastNonzeroMagnitude, "0." + String(repeating: "0", count: 323) + "5"),
        ]
    )
    func plainDecimal(value: Double, text: String) {
        #expect(value.plainDecimal == text)
        if value.isFinite { #expect(Double(text) == value) }
    }

    private static func sample(depth: Int, using random: inout Random) -> JSONValue {
        switch random.int(in: 0...(depth < 4 ? 7 : 5)) {
        case 0: return .null
        case 1: return .bool(random.int(in: 0...1) == 1)
        case 2: return .integer(Int64(truncatingIfNeeded: random.next()))
        case 3: return .integer(Int64(random.int(in: -9...9)))
        case 4:
            let value = Double(bitPattern: random.next())
            // Whole numbers of that size are written and read as doubles; infinities cannot be said.
            return .number(value.isFinite ? value : 0.5)
        case 5: return .string(String(decoding: random.bytes(random.int(in: 0...9)), as: UTF8.self))
        case 6: return .array((0..<random.int(in: 0...4)).map { _ in sample(depth: depth + 1, using: &random) })
        default:
            return .object(
                (0..<random.int(in: 0...4)).map { ("k\($0)", sample(depth: depth + 1, using: &random)) }
            )
        }
    }
}
