// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A packet in a ``PacketStore``: borrowed, until the store takes the next one in.
public struct StoredPacket: BitwiseCopyable {
    /// What door 4 found in it; without padding.
    public let info: PacketInfo
    /// Its bytes, header and payload as they came.
    public let base: UnsafeRawPointer
    /// What its payload type means to its sender (`Codec` raw value).
    public let codec: UInt8

    /// Its bytes.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: info.byteCount) }
}
