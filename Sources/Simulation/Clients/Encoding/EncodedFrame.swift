// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A frame of a source with layers, as it was encoded.
struct EncodedFrame {
    /// Index of its first packet in the ledger.
    var first: Int
    var parts: Int
    var isKey: Bool
    /// TID.
    var temporal: Int
    /// As in its descriptors, 7 or 15 bits.
    var pictureID: UInt16
    /// TL0PICIDX.
    var base: UInt8
    /// KEYIDX.
    var keyIndex: UInt8
    /// The frame that it is predicted from; -1 for key frames.
    var reference: Int
    /// It depends on the base layer alone.
    var isSync: Bool
}
