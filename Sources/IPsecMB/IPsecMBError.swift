// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// Why the library cannot be used.
public enum IPsecMBError: Error, Equatable, Sendable, CaseIterable {
    /// Built without its header, or for another architecture.
    case notBuilt
    /// There is no such library here.
    case notFound
    /// It lacks a function that it should have.
    case incomplete
    /// Not of the minor version whose header we were built with.
    case version
    /// The processor lacks instructions.
    case processor
    /// No memory, or the library's own self-test failed.
    case broken

    init(_ state: viaduct_ipsec_mb_state) {
        switch state {
        case VIADUCT_IPSEC_MB_NOT_BUILT: self = .notBuilt
        case VIADUCT_IPSEC_MB_NOT_FOUND: self = .notFound
        case VIADUCT_IPSEC_MB_INCOMPLETE: self = .incomplete
        case VIADUCT_IPSEC_MB_VERSION: self = .version
        case VIADUCT_IPSEC_MB_PROCESSOR: self = .processor
        default: self = .broken
        }
    }
}

extension IPsecMBError: CustomStringConvertible {
    /// The cause in words.
    public var description: String {
        switch self {
        case .notBuilt: "this build has no support for it"
        case .notFound: "it is not installed (Debian: libipsec-mb1)"
        case .incomplete: "the installed library lacks functions"
        case .version: "the installed version is not the one this was built for"
        case .processor: "the processor has no AES instructions"
        case .broken: "its self-test failed"
        }
    }
}
