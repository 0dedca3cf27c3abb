// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Writes receiver reports block by block, beginning another packet after every 31 blocks (RFC 3550 6.4.2).
public struct ReceiverReportWriter: BitwiseCopyable {
    private let senderSSRC: UInt32
    private var start = 0
    private var blocks = 0
    /// How many packets have been begun.
    public private(set) var packetCount = 0

    /// A writer that reports as `senderSSRC`. Nothing is written before the first block.
    public init(senderSSRC: UInt32) {
        self.senderSSRC = senderSSRC
    }

    /// Writes one block.
    /// - Returns: `false` when it does not fit `writer`; what was written before stays valid.
    public mutating func append(_ block: ReportBlock, to writer: inout BufferWriter) -> Bool {
        let isNew = packetCount == 0 || blocks == RTPLimits.reportBlocks
        guard writer.remaining >= ReportBlock.byteCount + (isNew ? 8 : 0) else { return false }
        if isNew { begin(&writer) }
        block.write(to: &writer)
        blocks += 1
        writer.patch8(0x80 | UInt8(truncatingIfNeeded: blocks), at: start)
        RTCPPacket.end(&writer, from: start)
        return true
    }

    /// Writes a report without blocks if nothing was written yet, so that a compound can begin with it.
    public mutating func finish(_ writer: inout BufferWriter) {
        if packetCount == 0 { begin(&writer) }
    }

    private mutating func begin(_ writer: inout BufferWriter) {
        start = RTCPPacket.begin(.receiverReport, count: 0, to: &writer)
        writer.uint32(senderSSRC)
        RTCPPacket.end(&writer, from: start)
        blocks = 0
        packetCount += 1
    }
}
