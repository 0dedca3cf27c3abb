// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// Intel's multi-buffer cryptography library, found at run time. Plain data; the library stays loaded for the life of
/// the process.
public struct IPsecMB: @unchecked Sendable, BitwiseCopyable {
    /// The name Debian's package gives it.
    public static let libraryName = "libIPSec_MB.so.1"

    /// The library of this machine, looked for once.
    public static let installed = Result<IPsecMB, IPsecMBError> { () throws(IPsecMBError) in try IPsecMB(libraryName) }

    // Unchecked Sendable: never changed and never unloaded. All threads call through one record of the library's; the
    // calls that ours make keep nothing there but the number of the last error, which stays zero (CIPsecMB.c).
    let library: OpaquePointer

    /// Loads a library.
    /// - Parameter name: a name or path for the dynamic loader.
    public init(_ name: String) throws(IPsecMBError) {
        var state = VIADUCT_IPSEC_MB_USABLE
        guard let library = viaduct_ipsec_mb_open(name, &state) else { throw IPsecMBError(state) }
        self.library = library
    }

    /// Its version, as in "1.3.0".
    public var version: String { String(cString: viaduct_ipsec_mb_version(library)) }

    /// The instructions it uses, as in "AVX512".
    public var architecture: String { String(cString: viaduct_ipsec_mb_architecture(library)) }
}
