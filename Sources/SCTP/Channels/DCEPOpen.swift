// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// DATA_CHANNEL_OPEN (RFC 8832 §5.1).
struct DCEPOpen: Equatable {
    private static let fixedBytes = 12
    private static let unordered: UInt8 = 0x80

    var isUnordered = false
    var reliability = Reliability.reliable
    var priority: UInt16 = 256
    var label: [UInt8] = []
    var `protocol`: [UInt8] = []

    init() {}

    init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.fixedBytes else { return nil }
        let type = bytes.uint8(at: 1)
        isUnordered = type & Self.unordered != 0
        priority = bytes.uint16(at: 2)
        let parameter = bytes.uint32(at: 4)
        switch type & ~Self.unordered {
        case 0: reliability = .reliable
        case 1: reliability = .retransmissions(parameter)
        case 2: reliability = .lifetime(.milliseconds(Int64(parameter)))
        default: return nil
        }
        let labelBytes = Int(bytes.uint16(at: 8))
        let protocolBytes = Int(bytes.uint16(at: 10))
        guard labelBytes <= SCTPLimits.labelBytes, protocolBytes <= SCTPLimits.labelBytes,
            bytes.byteCount >= Self.fixedBytes + labelBytes + protocolBytes
        else { return nil }
        label = bytes.slice(Self.fixedBytes, count: labelBytes).toArray()
        `protocol` = bytes.slice(Self.fixedBytes + labelBytes, count: protocolBytes).toArray()
    }

    /// The message as it is sent; label and protocol are cut at ``SCTPLimits/labelBytes``.
    func encoded() -> [UInt8] {
        let label = label.prefix(SCTPLimits.labelBytes)
        let name = `protocol`.prefix(SCTPLimits.labelBytes)
        var type: UInt8 = 0
        var parameter: UInt32 = 0
        switch reliability {
        case .reliable: break
        case .retransmissions(let count): (type, parameter) = (1, count)
        case .lifetime(let time): (type, parameter) = (2, UInt32(clamping: time.milliseconds))
        }
        if isUnordered { type |= Self.unordered }
        var writer = ByteWriter(capacity: Self.fixedBytes + label.count + name.count)
        writer.uint8(DCEPMessage.openType)
        writer.uint8(type)
        writer.uint16(priority)
        writer.uint32(parameter)
        writer.uint16(UInt16(label.count))
        writer.uint16(UInt16(name.count))
        writer.append(label)
        writer.append(name)
        return writer.bytes
    }
}
