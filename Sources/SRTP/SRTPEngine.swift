// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What encrypts and decrypts packets.
public enum SRTPEngine: Sendable, BitwiseCopyable {
    /// OpenSSL's EVP interface, one packet at a time.
    case evp
}
