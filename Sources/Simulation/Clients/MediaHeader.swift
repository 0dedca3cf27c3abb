// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What stands in the fixed header of a packet that a client sends.
struct MediaHeader {
    var marker: Bool
    var payloadType: UInt8
    var sequence: UInt16
    var timestamp: UInt32
    var ssrc: UInt32
    var hasPadding = false
    /// Audio level, 255 without.
    var level: UInt8 = 255
}
