// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the next ordered message of one of the peer's streams will be numbered.
struct IncomingStream: BitwiseCopyable, Sendable {
    let number: UInt16
    var nextSSN: UInt16 = 0
}
