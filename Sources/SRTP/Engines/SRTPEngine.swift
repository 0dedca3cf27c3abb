// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import IPsecMB

/// What encrypts and decrypts packets.
public enum SRTPEngine: Sendable, BitwiseCopyable {
    /// OpenSSL's EVP interface, one packet at a time; on every machine.
    case evp
    /// Intel's multi-buffer library, where the machine has it; tags of AES-CM many packets at a time.
    case ipsecMB(IPsecMB)

    /// Its name in the configuration and in metrics.
    public var name: String {
        switch self {
        case .evp: SRTPEngineChoice.evp.rawValue
        case .ipsecMB: SRTPEngineChoice.ipsecMB.rawValue
        }
    }

    /// What it is in full, for the operator.
    public var description: String {
        switch self {
        case .evp: "OpenSSL EVP"
        case .ipsecMB(let library): "libipsec-mb \(library.version) (\(library.architecture))"
        }
    }
}
