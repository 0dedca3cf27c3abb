// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@Suite("DTLS identity")
struct DTLSIdentityTests {
    @Test("the fingerprint is the digest in upper-case hexadecimal with colons")
    func fingerprint() throws {
        let identity = try DTLSIdentity(wallSeconds: 1_700_000_000)
        #expect(identity.digest.count == 32)
        #expect(identity.fingerprint.utf8.count == 95)
        let parts = identity.fingerprint.split(separator: ":").map { UInt8($0, radix: 16) }
        #expect(parts == identity.digest)
        #expect(identity.fingerprint == identity.fingerprint.uppercased())
        #expect(identity.digest(.sha256) == identity.digest)
        #expect(identity.digest(.sha1).count == 20)
        #expect(identity.digest(.sha512).count == 64)
    }

    @Test("it is valid from one day before to seven days after the given time, and each one is new")
    func validity() throws {
        let one = try DTLSIdentity(wallSeconds: 1_700_000_000)
        #expect(one.notBefore == 1_700_000_000 - 86_400)
        #expect(one.notAfter == 1_700_000_000 + 7 * 86_400)
        let other = try DTLSIdentity(wallSeconds: 1_700_000_000)
        #expect(one.fingerprint != other.fingerprint)
    }

    @Test("the fingerprint can be told by any hash", arguments: HashFunction.allCases)
    func fingerprintHash(_ function: HashFunction) throws {
        let identity = try DTLSIdentity(wallSeconds: 1_700_000_000, settings: .init(fingerprintHash: function))
        let parts = identity.fingerprint.split(separator: ":").map { UInt8($0, radix: 16) }
        #expect(parts == identity.digest(function))
        #expect(identity.fingerprintHash == function)
    }

    @Test("cipher suites that OpenSSL does not know are refused", arguments: ["", "TLS-NONSENSE"])
    func unknownCipher(_ list: String) {
        #expect(throws: OpenSSLError.self) {
            try DTLSIdentity(wallSeconds: 1_700_000_000, settings: .init(cipherList: list))
        }
    }
}
