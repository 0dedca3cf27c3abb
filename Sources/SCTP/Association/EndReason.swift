// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why an association ended.
public enum EndReason: Sendable, Hashable {
    /// Both sides agreed.
    case shutdown
    /// The peer aborted.
    case aborted(ErrorCause)
    /// We aborted.
    case abortedByUs
}
