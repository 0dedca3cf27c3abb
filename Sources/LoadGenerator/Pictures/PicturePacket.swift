// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A decrypted packet of a video source, as far as its judge looks at it: what a decoder reads, and beside it what the
/// sender's stamp says is true.
struct PicturePacket {
    /// Unwrapped sequence number.
    var number: Int64
    var timestamp: UInt32
    /// The marker: the last packet of its picture.
    var isEnd: Bool
    /// The descriptor.
    var layers: VP8Payload.Layers
    /// Which encoding it was sent in.
    var encoding: Int
    var stamp: PayloadStamp
}
