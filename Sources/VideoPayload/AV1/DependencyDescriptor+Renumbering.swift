// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension DependencyDescriptor {
    /// Writes a receiver's numbers over a descriptor where it lies. Its length stays; nothing has to be known of it.
    ///
    /// - Parameters:
    ///   - bytes: where it lies.
    ///   - offset: where it starts.
    ///   - end: where it ends.
    ///   - templateDelta: added to the template id and to the first id of a structure, modulo 64.
    ///   - frameNumber: the new frame number.
    @inlinable
    public static func renumber(
        _ bytes: inout MutableRawSpan, from offset: Int, to end: Int, templateDelta: UInt8, frameNumber: UInt16
    ) {
        guard offset >= 0, end <= bytes.byteCount, end - offset >= 3 else { return }
        let first = bytes.bytes.uint8(at: offset)
        bytes.storeBytes(of: first & 0xC0 | (first &+ templateDelta) & 0x3F, toByteOffset: offset, as: UInt8.self)
        bytes.storeBytes(of: UInt8(truncatingIfNeeded: frameNumber >> 8), toByteOffset: offset + 1, as: UInt8.self)
        bytes.storeBytes(of: UInt8(truncatingIfNeeded: frameNumber), toByteOffset: offset + 2, as: UInt8.self)
        // Behind the five flags a structure begins with six bits, the id of its first template.
        guard templateDelta & 0x3F != 0, end - offset >= 5, case let flags = bytes.bytes.uint8(at: offset + 3),
            flags & 0x80 != 0
        else { return }
        let rest = bytes.bytes.uint8(at: offset + 4)
        let id = ((flags & 7) << 3 | rest >> 5) &+ templateDelta
        bytes.storeBytes(of: flags & 0xF8 | id >> 3 & 7, toByteOffset: offset + 3, as: UInt8.self)
        bytes.storeBytes(of: rest & 0x1F | (id & 7) << 5, toByteOffset: offset + 4, as: UInt8.self)
    }
}
