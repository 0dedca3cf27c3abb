// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// A master key and salt, kept so that a session can be written down; wiped at the end.
struct MasterSecret: ~Copyable {
    private let bytes: SecretBytes
    private let keyBytes: Int

    /// Keeps a copy.
    init(key: [UInt8], salt: [UInt8]) {
        bytes = SecretBytes(key + salt)
        keyBytes = key.count
    }

    /// The key.
    var key: [UInt8] { Array(bytes.array.prefix(keyBytes)) }
    /// The salt.
    var salt: [UInt8] { Array(bytes.array.dropFirst(keyBytes)) }
}
