// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import BridgeChannel

@Suite("Objects by their places")
struct MessageObjectTests {
    private func object(_ text: String) throws -> MessageObject { try MessageObject(Array(text.utf8)) }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("a member is set behind its neighbour, in the front without it, and in place where it is")
    func setting() throws {
        let value = JSONValue.string("a\"b")
        #expect(
            text(try object(#"{"x":1, "to":"" ,"y":2}"#).setting("from", to: value, behind: "to"))
                == #"{"x":1, "to":"","from":"a\"b" ,"y":2}"#)
        #expect(
            text(try object(#"{"x":[1] ,"y":2}"#).setting("from", to: value, behind: "to"))
                == #"{"x":[1],"from":"a\"b" ,"y":2}"#)
        #expect(text(try object(" { } ").setting("from", to: value, behind: "to")) == #"{"from":"a\"b"}"#)
        #expect(
            text(try object(#"{"f\u0072om" : {"z":null} , "to":1}"#).setting("from", to: value, behind: "to"))
                == #"{"f\u0072om" : "a\"b" , "to":1}"#)
    }

    /// A random document with few names, so that some repeat.
    private func document(_ random: inout Random, depth: Int = 0) -> JSONValue {
        switch random.int(in: 0...(depth > 3 ? 4 : 7)) {
        case 0: return .null
        case 1: return .bool(random.int(in: 0...1) == 0)
        case 2: return .integer(Int64(random.int(in: -1_000...1_000)))
        case 3: return .number(random.fraction() * 1_000)
        case 4: return .string(["", "a\"\\", "\u{1F600}é", "\n\u{1}"][random.int(in: 0...3)])
        case 5: return .array((0..<random.int(in: 0...4)).map { _ in document(&random, depth: depth + 1) })
        default: return object(&random, depth: depth)
        }
    }

    private func object(_ random: inout Random, depth: Int) -> JSONValue {
        let names = ["a", "b", "from", "to", "é\n", "\u{1F600}", "c", "d", "e", "f"]
        return .object(
            (0..<random.int(in: 0...4)).map { _ in
                (names[random.int(in: 0...names.count - 1)], document(&random, depth: depth + 1))
            })
    }

    private func hasDuplicates(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let members):
            Set(members.map(\.name)).count < members.count || members.contains { hasDuplicates($0.value) }
        case .array(let values): values.contains { hasDuplicates($0) }
        default: false
        }
    }

    @Test("both readers take the same objects with the same members, but for names that repeat")
    func agreement() {
        #expect(
            checkProperty(cases: 1_500) { random in
                let value = object(&random, depth: 0)
                let bytes = value.serialized()
                guard let object = try? MessageObject(bytes) else {
                    return hasDuplicates(value) ? nil : "refused \(value.text)"
                }
                if hasDuplicates(value) { return "names repeat: \(value.text)" }
                for member in value.objectValue ?? [] {
                    let place = object.member(member.name)?.value
                    guard let place, Array(bytes[place]) == member.value.serialized() else {
                        return "\(member.name) of \(value.text)"
                    }
                }
                let changed = try? JSONValue.parse(object.setting("from", to: .string("me"), behind: "to"))
                guard changed?["from"] == .string("me") else { return "from in \(value.text)" }
                let others = (changed?.objectValue ?? []).filter { $0.name != "from" }
                return others == (value.objectValue ?? []).filter { $0.name != "from" } ? nil : value.text
            } == nil)
    }

    @Test("both readers refuse the same, but for numbers beyond all measure and half characters")
    func damage() {
        #expect(
            checkProperty(cases: 3_000) { random in
                let bytes = mutate(object(&random, depth: 0).serialized(), using: &random)
                let value = try? JSONValue.parse(bytes)
                let object = try? MessageObject(bytes)
                if object != nil, value == nil {
                    let text = String(decoding: bytes, as: UTF8.self)
                    return text.contains("\\u") || text.contains("e") || text.contains("E") ? nil : "took \(text)"
                }
                if let value, object == nil, value.objectValue != nil, !hasDuplicates(value) {
                    return "refused \(value.text)"
                }
                return nil
            } == nil)
    }

    @Test("texts made to be expensive cost no more than their length")
    func bombs() {
        let size = BridgeChannelLimits.messageBytes
        let names = (0..<6_000).map { "\"\(String($0, radix: 36))\":0" }.joined(separator: ",")
        let bombs = [
            "{\"a\":" + String(repeating: "[", count: size - 10),
            "{\"a\":[" + String(repeating: "{},", count: (size - 20) / 3) + "0]}",
            "{\"a\":{" + names + "}}", "{\"a\":{" + names + ",\"0\":0}}",
            "{\"a\":\"" + String(repeating: "\\u0061", count: (size - 20) / 6) + "\"}",
            "{\"a\":" + String(repeating: "9", count: size - 10) + "}",
            "{" + (0..<6_000).map { "\"\(String($0, radix: 36))\":0" }.joined(separator: ",") + "}",
        ]
        let clock = ContinuousClock()
        for bomb in bombs {
            #expect(bomb.utf8.count <= size)
            // Quadratic work would take many times as long, even in a debug build on a busy machine.
            #expect(clock.measure { _ = try? object(bomb) } < .seconds(2), "\(bomb.prefix(20))")
        }
    }
}
