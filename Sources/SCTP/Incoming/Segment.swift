// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Consecutive fragments of one message.
struct Segment {
    var firstTSN: UInt64
    var lastTSN: UInt64
    let stream: UInt16
    let ssn: UInt16
    let protocolIdentifier: UInt32
    let isUnordered: Bool
    /// Whether the message's first and last fragment are among them.
    var hasBeginning: Bool
    var hasEnding: Bool
    /// Larger than messages may be: the bytes are gone, the rest is still counted in.
    var isOversized = false
    var bytes: [UInt8]

    init(_ chunk: DataChunk, bytes: [UInt8]) {
        firstTSN = chunk.tsn
        lastTSN = chunk.tsn
        stream = chunk.stream
        ssn = chunk.ssn
        protocolIdentifier = chunk.protocolIdentifier
        isUnordered = chunk.flags.contains(.unordered)
        hasBeginning = chunk.flags.contains(.beginning)
        hasEnding = chunk.flags.contains(.ending)
        self.bytes = bytes
    }

    /// What it counts against the receive buffer.
    var charge: Int { bytes.count + SCTPLimits.chunkOverhead }
    var isComplete: Bool { hasBeginning && hasEnding }
    /// Stream and sequence number as one key.
    var place: UInt32 { UInt32(stream) << 16 | UInt32(ssn) }

    /// Whether both can be parts of one message.
    func belongsWith(_ chunk: DataChunk) -> Bool {
        stream == chunk.stream && isUnordered == chunk.flags.contains(.unordered) && (isUnordered || ssn == chunk.ssn)
    }
}
