// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One of our streams that was used.
struct OutgoingStream: BitwiseCopyable, Sendable {
    let number: UInt16
    var nextSSN: UInt16 = 0
    /// Bytes of its messages that are queued or not acknowledged.
    var buffered = 0
    /// Messages not yet wholly sent.
    var unsent = 0
}
