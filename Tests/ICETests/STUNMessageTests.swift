// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

@Suite struct STUNMessageTests {
    /// What parsing throws; `nil` when it does not.
    private func failure(_ bytes: [UInt8]) -> STUNError? {
        do {
            _ = try STUNMessage(bytes.rawSpan)
            return nil
        } catch {
            return error
        }
    }

    private func integrity(_ message: borrowing STUNMessage, _ key: [UInt8]) -> Bool {
        message.hasValidIntegrity(key: key)
    }

    private let id = TransactionID(high: 0xb7e7_a701, low: 0xbc34_d686_fa87_dfae)

    @Test("RFC 5769 §2.1: the sample request is understood and its password proven")
    func sampleRequest() throws {
        let bytes = STUNVectors.request
        let message = try STUNMessage(bytes.rawSpan)
        #expect(message.messageClass == .request)
        #expect(message.method == STUNHeader.bindingMethod)
        #expect(message.transactionID == id)
        #expect(message.username?.toArray() == Array("evtj:h6vY".utf8))
        #expect(message.attributes.priority == 0x6e00_01ff)
        #expect(message.attributes.controlled == 0x932f_f9b1_5126_3b36)
        #expect(message.attributes.controlling == nil)
        #expect(message.attributes.software.map { Array(bytes[$0]) } == Array("STUN test client".utf8))
        #expect(integrity(message, STUNVectors.password) == true)
        #expect(integrity(message, Array("VOkJxbRl1RmTxUk/WvJxBT".utf8)) == false)
        #expect(message.hasValidFingerprint == true)
    }

    @Test("RFC 5769 §2.2: the sample IPv4 response")
    func sampleIPv4Response() throws {
        let bytes = STUNVectors.ipv4Response
        let message = try STUNMessage(bytes.rawSpan)
        #expect(message.messageClass == .success)
        #expect(message.attributes.xorMappedAddress == TransportAddress(ip: "192.0.2.1", port: 32_853))
        #expect(integrity(message, STUNVectors.password) == true)
        #expect(message.hasValidFingerprint == true)
    }

    @Test("RFC 5769 §2.3: the sample IPv6 response")
    func sampleIPv6Response() throws {
        let bytes = STUNVectors.ipv6Response
        let message = try STUNMessage(bytes.rawSpan)
        let address = TransportAddress(ip: "2001:db8:1234:5678:11:2233:4455:6677", port: 32_853)
        #expect(message.attributes.xorMappedAddress == address)
        #expect(integrity(message, STUNVectors.password) == true)
        #expect(message.hasValidFingerprint == true)
    }

    @Test("RFC 5769 §2.4: the sample request with long-term credentials and without FINGERPRINT")
    func sampleLongTermRequest() throws {
        let bytes = STUNVectors.longTermRequest
        let message = try STUNMessage(bytes.rawSpan)
        #expect(message.username?.toArray() == Array("マトリックス".utf8))
        #expect(message.attributes.unknownRequired.isEmpty)
        #expect(integrity(message, STUNVectors.longTermKey) == true)
        #expect(message.hasValidFingerprint == nil)
    }

    @Test("what the builder writes reads back, for every attribute and every class")
    func roundTrip() {
        let failure = checkProperty(cases: 500) { random in
            let id = TransactionID(high: UInt32(truncatingIfNeeded: random.next()), low: random.next())
            let messageClass = [STUNClass.request, .indication, .success, .error][random.int(in: 0...3)]
            let method = UInt16(random.int(in: 0...0xFFF))
            let left = random.bytes(random.int(in: 1...40))
            let key = random.bytes(random.int(in: 1...90))
            let isIPv6 = random.int(in: 0...1) == 1
            let address =
                isIPv6
                ? TransportAddress(
                    ipv6High: random.next(), low: random.next(), port: UInt16(random.int(in: 0...65_535)))
                : TransportAddress(
                    ipv4: UInt32(truncatingIfNeeded: random.next()), port: UInt16(random.int(in: 0...65_535)))
            let priority = UInt32(truncatingIfNeeded: random.next())
            let tieBreaker = random.next()
            let code = random.int(in: 300...699)
            var builder = STUNBuilder(messageClass, method: method, transactionID: id)
            builder.username(left, Array("peer".utf8))
            builder.priority(priority)
            builder.useCandidate()
            builder.role(isControlling: isIPv6, tieBreaker: tieBreaker)
            builder.xorMappedAddress(address)
            builder.errorCode(code)
            builder.unknownAttributes([0x7001, 0x7002])
            let bytes = builder.finish(key: key)
            guard let message = try? STUNMessage(bytes.rawSpan) else { return "does not parse" }
            guard message.messageClass == messageClass, message.method == method, message.transactionID == id else {
                return "header"
            }
            let attributes = message.attributes
            guard message.username?.toArray() == left + Array(":peer".utf8), attributes.priority == priority,
                attributes.hasUseCandidate, attributes.controlling == (isIPv6 ? tieBreaker : nil),
                attributes.controlled == (isIPv6 ? nil : tieBreaker), attributes.xorMappedAddress == address,
                attributes.errorCode == code
            else { return "attributes" }
            guard message.hasValidIntegrity(key: key), message.hasValidFingerprint == true else { return "integrity" }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("any changed bit of a message is noticed by MESSAGE-INTEGRITY or FINGERPRINT, or does not parse")
    func everyBitCounts() throws {
        for index in 0..<(STUNVectors.request.count * 8) {
            var bytes = STUNVectors.request
            bytes[index / 8] ^= 1 << UInt8(index % 8)
            guard let message = try? STUNMessage(bytes.rawSpan) else { continue }
            let isIntact =
                message.hasValidIntegrity(key: STUNVectors.password) && message.hasValidFingerprint == true
            #expect(!isIntact, "bit \(index)")
        }
    }

    @Test("random and damaged bytes never trap")
    func hostileBytes() {
        let failure = checkProperty(cases: 20_000) { random in
            let bytes =
                random.int(in: 0...3) == 0
                ? random.bytes(random.int(in: 0...200))
                : mutate(STUNVectors.all[random.int(in: 0...3)], using: &random)
            if let range = STUNPeek.localUfragRange(of: bytes.rawSpan), range.upperBound > bytes.count {
                return "peek out of range"
            }
            guard let message = try? STUNMessage(bytes.rawSpan) else { return nil }
            _ = message.hasValidIntegrity(key: STUNVectors.password)
            _ = message.hasValidFingerprint
            _ = message.username?.toArray()
            return nil
        }
        #expect(failure == nil)
    }

    @Test("each way to be malformed has its error")
    func errors() {
        func message(_ body: [UInt8], type: UInt16 = 1, length: Int? = nil) -> [UInt8] {
            var writer = ByteWriter()
            writer.uint16(type)
            writer.uint16(UInt16(length ?? body.count))
            writer.uint32(STUNHeader.cookie)
            writer.append([UInt8](repeating: 7, count: 12) + body)
            return writer.bytes
        }
        #expect(failure(message([])) == nil)
        #expect(failure(Array(message([]).dropLast())) == .badSize)
        #expect(failure(message([UInt8](repeating: 0, count: 1_484))) == .badSize)
        #expect(failure(message([], type: 0x8001)) == .notSTUN)
        var noCookie = message([])
        noCookie[4] = 0
        #expect(failure(noCookie) == .notSTUN)
        #expect(failure(message([], length: 4)) == .badLength)
        #expect(failure(message([0, 6], length: 2)) == .badLength)
        #expect(failure(message([0, 6, 0, 4])) == .truncatedAttribute(6))
        #expect(failure(message([0, 6, 0xFF, 0xFF, 1, 2, 3, 4])) == .truncatedAttribute(6))
        #expect(failure(message([0, 0x24, 0, 3, 1, 2, 3, 4])) == .malformedAttribute(0x24))
        #expect(failure(message([0, 8, 0, 4, 1, 2, 3, 4])) == .malformedAttribute(8))
        #expect(failure(message([0, 9, 0, 4, 0, 0, 2, 0])) == .malformedAttribute(9))
        #expect(failure(message([0, 0x20, 0, 4, 0, 1, 2, 0])) == .malformedAttribute(0x20))
        #expect(failure(message([0x80, 0x28, 0, 4, 0, 0, 0, 0, 0x80, 0x22, 0, 0])) == .misplacedFingerprint)
        let longName = [0, 6, 2, 8] + [UInt8](repeating: 65, count: 520)
        #expect(failure(message(longName)) == .malformedAttribute(6))
    }

    @Test("of a repeated attribute the first counts, and nothing behind MESSAGE-INTEGRITY does")
    func repeatedAttributes() throws {
        var builder = STUNBuilder(.request, transactionID: id)
        builder.priority(1)
        builder.priority(2)
        builder.attribute(STUNAttribute.messageIntegrity, [UInt8](repeating: 0, count: 20))
        builder.useCandidate()
        builder.attribute(0x7777, [1])
        let bytes = builder.finish(key: nil)
        let message = try STUNMessage(bytes.rawSpan)
        #expect(message.attributes.priority == 1)
        #expect(!message.attributes.hasUseCandidate)
        #expect(message.attributes.unknownRequired.isEmpty)
        #expect(integrity(message, [1]) == false)
    }

    @Test("unknown attributes: required ones are listed once each, optional ones such as GOOG-NETWORK-INFO are not")
    func unknownAttributes() throws {
        var builder = STUNBuilder(.request, transactionID: id)
        builder.attribute(0xC057, [0, 1, 0, 10])
        for type in [0x7001, 0x7002, 0x7001] as [UInt16] { builder.attribute(type, [1, 2, 3]) }
        for type in 0x7010...0x7030 as ClosedRange<UInt16> { builder.attribute(type, []) }
        let bytes = builder.finish(key: nil)
        let message = try STUNMessage(bytes.rawSpan)
        #expect(message.attributes.unknownRequired.prefix(3) == [0x7001, 0x7002, 0x7010])
        #expect(message.attributes.unknownRequired.count == ICELimits.listedUnknownAttributes)
    }

    @Test("the peek finds the user fragment of a Binding request and of nothing else")
    func peek() {
        let request = STUNVectors.request
        #expect(STUNPeek.localUfrag(of: request.rawSpan)?.toArray() == Array("evtj".utf8))
        let response = STUNVectors.ipv4Response
        #expect(STUNPeek.localUfragRange(of: response.rawSpan) == nil)
        let withoutColon = STUNVectors.longTermRequest
        #expect(STUNPeek.localUfragRange(of: withoutColon.rawSpan) == nil)
        for count in 0..<request.count {
            #expect(STUNPeek.localUfragRange(of: Array(request.prefix(count)).rawSpan) == nil)
        }
        var emptyName = STUNBuilder(.request, transactionID: id)
        emptyName.username([], [65])
        #expect(STUNPeek.localUfragRange(of: emptyName.finish(key: nil).rawSpan) == nil)
        let noName = STUNBuilder(.request, transactionID: id).finish(key: nil)
        #expect(STUNPeek.localUfragRange(of: noName.rawSpan) == nil)
    }

    @Test("the peek allocates nothing")
    func peekAllocations() {
        let bytes = STUNVectors.request
        var found = 0
        let allocations = countAllocations {
            for _ in 0..<1_000 where STUNPeek.localUfragRange(of: bytes.rawSpan) != nil { found += 1 }
        }
        #expect(allocations == 0)
        #expect(found == 1_000)
    }
}
