// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What became of a message given to `send`.
public enum SendResult: Sendable, Hashable {
    /// It will be sent.
    case accepted
    /// The send buffer is full: `.writable` tells when it is not.
    case full
    /// There is no such channel, the stream does not exist, the message is too large, or the association is ending.
    case refused
}
