// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// A library call that failed.
public enum OpenSSLError: Error, Equatable, Sendable {
    /// Memory or a key could not be had; the text is OpenSSL's reason.
    case library(String)
    /// The file of certificate authorities could not be read.
    case unreadableCAFile(String)
    /// The server name cannot be used for verification.
    case invalidServerName(String)
    /// A server's certificate or key cannot be used; why, and what to do about it.
    case unusableKeyStore(String)
}

extension OpenSSLError: CustomStringConvertible {
    /// The cause in words.
    public var description: String {
        switch self {
        case .library(let reason): "OpenSSL: \(reason)"
        case .unreadableCAFile(let path): "cannot read certificate authorities from \(path)"
        case .unusableKeyStore(let reason): reason
        case .invalidServerName(let name): "not a server name: \(name)"
        }
    }
}

/// The thread's queue of OpenSSL errors.
enum ErrorQueue {
    /// Forgets what is queued; to be called before each operation whose failure is to be explained.
    static func clear() { ERR_clear_error() }

    /// Takes the oldest queued reason and forgets the rest; `nil` when nothing is queued.
    static func takeReason() -> String? {
        let code = ERR_get_error()
        defer { ERR_clear_error() }
        guard code != 0 else { return nil }
        guard let text = ERR_reason_error_string(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
