// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Primitives
import TestSupport
import Testing
import XML

@Suite("Colibri2 codecs, for any value")
struct ColibriCodecPropertyTests {
    @Test("a request survives XML and JSON, and both say the same")
    func requestsSurvive() {
        let failure = checkProperty(cases: 400) { random in
            var samples = Samples(random: random)
            let request = samples.request()
            do {
                let element = try XMLDocument.parse(request.xmlElement.serialized())
                let overXML = try ConferenceModify(element)
                if overXML != request { return "XML: \(request) came back as \(overXML)" }
                let overJSON = try ConferenceModify(json: JSONValue.parse(overXML.json.serialized()))
                return overJSON == request ? nil : "JSON: \(request) came back as \(overJSON)"
            } catch { return "\(error) for \(request.json.text)" }
        }
        #expect(failure == nil)
    }

    @Test("an answer survives XML and JSON, and both say the same")
    func answersSurvive() {
        let failure = checkProperty(cases: 400) { random in
            var samples = Samples(random: random)
            let answer = samples.answer()
            do {
                let overXML = try ConferenceModified(XMLDocument.parse(answer.xmlElement.serialized()))
                if overXML != answer { return "XML: \(answer) came back as \(overXML)" }
                let overJSON = try ConferenceModified(json: JSONValue.parse(overXML.json.serialized()))
                return overJSON == answer ? nil : "JSON: \(answer) came back as \(overJSON)"
            } catch { return "\(error) for \(answer.json.text)" }
        }
        #expect(failure == nil)
    }

    @Test("damaged XML is read or refused, and what is read can be written and read again")
    func damagedXML() {
        let failure = checkProperty(cases: 1_500) { random in
            var samples = Samples(random: random)
            let bytes = mutate(Array(samples.request().xmlElement.serialized().utf8), using: &random)
            guard let element = try? XMLDocument.parse(bytes), let request = try? ConferenceModify(element) else {
                return nil
            }
            let again = try? ConferenceModify(request.xmlElement)
            return again == request ? nil : "\(request) came back as \(String(describing: again))"
        }
        #expect(failure == nil)
    }

    @Test("damaged JSON is read or refused, and what is read can be written and read again")
    func damagedJSON() {
        let failure = checkProperty(cases: 1_500) { random in
            var samples = Samples(random: random)
            let bytes = mutate(samples.request().json.serialized(), using: &random)
            guard let json = try? JSONValue.parse(bytes), let request = try? ConferenceModify(json: json) else {
                return nil
            }
            let again = try? ConferenceModify(json: request.json)
            return again == request ? nil : "\(request) came back as \(String(describing: again))"
        }
        #expect(failure == nil)
    }

    @Test("members of the wrong type never trap and name what is wrong")
    func wrongTypes() {
        let failure = checkProperty(cases: 1_500) { random in
            var samples = Samples(random: random)
            let damaged = Self.replaceSomething(in: samples.request().json, using: &random)
            do throws(ColibriError) {
                _ = try ConferenceModify(json: damaged)
                return nil
            } catch {
                return error.condition == .badRequest && error.text?.isEmpty == false ? nil : "\(error)"
            }
        }
        #expect(failure == nil)
    }

    private static func replaceSomething(in value: JSONValue, using random: inout Random) -> JSONValue {
        if random.int(in: 0...9) == 0 {
            let others: [JSONValue] = [
                .null, .bool(true), .integer(-1), .integer(.max), .number(1.5), .number(1e300), .string(""),
                .array([.null]), .object([JSONMember]()),
            ]
            return others[random.int(in: 0...others.count - 1)]
        }
        switch value {
        case .array(let values): return .array(values.map { replaceSomething(in: $0, using: &random) })
        case .object(let members):
            return .object(
                members.map { JSONMember(name: $0.name, value: replaceSomething(in: $0.value, using: &random)) }
            )
        default: return value
        }
    }
}
