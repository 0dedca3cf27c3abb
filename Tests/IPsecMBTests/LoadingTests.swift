// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import IPsecMB
import Testing

@Suite("Loading libipsec-mb")
struct LoadingTests {
    private func failure(_ name: String) -> IPsecMBError? {
        do throws(IPsecMBError) { _ = try IPsecMB(name) } catch { return error }
        return nil
    }

    #if arch(x86_64)
    @Test("a library that is not there is not found")
    func absent() {
        #expect(failure("libIPSec_MB-of-another-machine.so.1") == .notFound)
    }

    @Test("a library that is another one is refused")
    func another() {
        #expect(failure("libc.so.6") == .incomplete)
    }
    #else
    @Test("on other architectures the library is never used")
    func otherArchitecture() {
        #expect(failure(IPsecMB.libraryName) == .notBuilt)
    }
    #endif

    @Test("every reason has words of its own")
    func words() {
        #expect(Set(IPsecMBError.allCases.map(\.description)).count == IPsecMBError.allCases.count)
    }
}
