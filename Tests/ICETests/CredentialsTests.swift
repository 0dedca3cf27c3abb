// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

@Suite struct CredentialsTests {
    @Test("a user fragment gives back its worker and slot, with and without an operator's prefix")
    func roundTrip() {
        let failure = checkProperty(cases: 2_000) { random in
            let worker = UInt8(truncatingIfNeeded: random.next())
            let slot = UInt32(truncatingIfNeeded: random.next())
            let prefix = ["", "edge7+", "a/B"][random.int(in: 0...2)]
            let text = UserFragment.make(
                prefix: prefix, worker: worker, slot: slot, random: random.bytes(random.int(in: 3...100)))
            let bytes = Array(text.utf8)
            guard (4...ICELimits.credentialBytes).contains(bytes.count), bytes.allSatisfy(UserFragment.isICEChar),
                text.hasPrefix(prefix)
            else { return text }
            let found = UserFragment.decode(bytes.rawSpan, prefixBytes: prefix.utf8.count)
            return found?.worker == worker && found?.slot == slot ? nil : text
        }
        #expect(failure == nil)
    }

    @Test("a foreign user fragment is no owner, and nothing traps")
    func foreign() {
        for text in ["", "evtj", "00000000", "w0000000x", "A0000000x", "0000000:x", "ü0000000x"] {
            #expect(UserFragment.decode(Array(text.utf8).rawSpan) == nil, "\(text)")
        }
        #expect(UserFragment.decode(Array("0000000001".utf8).rawSpan, prefixBytes: 3) == nil)
        #expect(UserFragment.decode(Array("0000000001".utf8).rawSpan, prefixBytes: -1) == nil)
        #expect(UserFragment.decode(Array("0000000001".utf8).rawSpan, prefixBytes: .max) == nil)
        let failure = checkProperty(cases: 2_000) { random in
            _ = UserFragment.decode(random.bytes(random.int(in: 0...30)).rawSpan, prefixBytes: random.int(in: 0...12))
            return nil
        }
        #expect(failure == nil)
    }

    @Test("a prefix with a colon, which would end the fragment in USERNAME, is not valid")
    func prefixes() {
        #expect(UserFragment.isValid(prefix: ""))
        #expect(UserFragment.isValid(prefix: "bridge+7/x"))
        #expect(!UserFragment.isValid(prefix: "bridge:"))
        #expect(!UserFragment.isValid(prefix: "bridge-7"))
        #expect(!UserFragment.isValid(prefix: String(repeating: "a", count: 65)))
    }

    @Test("a password has 26 ice-chars and keeps all 128 bits")
    func passwords() {
        let first = makePassword(random: [UInt8](repeating: 0xFF, count: 16))
        #expect(first == String(repeating: "v", count: 25) + "s")
        var seen: Set<String> = []
        for bit in 0..<128 {
            var bytes = [UInt8](repeating: 0, count: 16)
            bytes[bit / 8] = 1 << UInt8(bit % 8)
            let text = makePassword(random: bytes)
            #expect(text.utf8.count >= 22 && text.utf8.allSatisfy(UserFragment.isICEChar))
            seen.insert(text)
        }
        #expect(seen.count == 128)
    }
}
