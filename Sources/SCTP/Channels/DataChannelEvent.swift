// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What data channels tell their owner.
public enum DataChannelEvent: Sendable, Equatable {
    /// The association stands; channels opened before it are on their way.
    case connected
    /// A channel is open, whoever opened it.
    case opened(DataChannel, label: String, protocol: String)
    /// A text message, as it came: whoever reads it finds out whether it is UTF-8.
    case text(DataChannel, [UInt8])
    /// A binary message.
    case binary(DataChannel, [UInt8])
    /// The channel is gone: closed by either side, or the peer began anew.
    case closed(DataChannel)
    /// The send buffer was full and has room again.
    case writable
    /// The association is over, and every channel with it.
    case ended(EndReason)
}
