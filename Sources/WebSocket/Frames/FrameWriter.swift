// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Writes a server's frames (RFC 6455 5.2): whole messages, not masked.
enum FrameWriter {
    static func frame(_ opcode: Opcode, isDeflated: Bool = false, _ payload: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(payload.count + 10)
        frame.append(0x80 | (isDeflated ? 0x40 : 0) | opcode.rawValue)
        switch payload.count {
        case ...125: frame.append(UInt8(payload.count))
        case ...0xFFFF:
            frame.append(126)
            for shift in [8, 0] { frame.append(UInt8(truncatingIfNeeded: payload.count >> shift)) }
        default:
            frame.append(127)
            for shift in stride(from: 56, through: 0, by: -8) {
                frame.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        frame += payload
        return frame
    }
}
