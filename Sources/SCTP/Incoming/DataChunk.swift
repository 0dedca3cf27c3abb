// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// The fields of a received DATA chunk (RFC 9260 §3.3.1).
struct DataChunk: BitwiseCopyable {
    static let headerBytes = 12

    let tsn: UInt64
    let stream: UInt16
    let ssn: UInt16
    let protocolIdentifier: UInt32
    let flags: DataFlags

    /// Reads the value of a chunk that has at least ``headerBytes``.
    init(_ value: RawSpan, flags: UInt8, near reference: UInt64) {
        tsn = TSN.widen(value.uint32(at: 0), near: reference)
        stream = value.uint16(at: 4)
        ssn = value.uint16(at: 6)
        protocolIdentifier = value.uint32(at: 8)
        self.flags = DataFlags(rawValue: flags)
    }

    init(tsn: UInt64, stream: UInt16, ssn: UInt16, protocolIdentifier: UInt32, flags: DataFlags) {
        self.tsn = tsn
        self.stream = stream
        self.ssn = ssn
        self.protocolIdentifier = protocolIdentifier
        self.flags = flags
    }
}
