// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An answer that waits for the next packet.
struct ControlChunk {
    let type: ChunkType
    var flags: UInt8 = 0
    let value: [UInt8]
}
