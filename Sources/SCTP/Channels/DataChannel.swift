// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A data channel of one association: the pair of streams with this number, until it is closed.
public struct DataChannel: Hashable, Sendable, BitwiseCopyable {
    /// The number of both streams.
    public let stream: UInt16

    /// The channel on that stream.
    public init(stream: UInt16) { self.stream = stream }
}
