// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import RTP

/// The rhythm of receiver reports towards one sender: every 500 ms, about the SSRCs heard since the last
/// (media-plane.md 7.1). The blocks come from ``ReceptionStatistics/makeReportBlock(now:)``.
public struct ReportGenerator: BitwiseCopyable, Sendable {
    private var next: Timestamp?

    /// Nothing reported yet.
    public init() {}

    /// When ``begin(senderSSRC:now:)`` wants to be called; `nil` before the first packet.
    public var nextTimeout: Timestamp? { next }

    /// Starts the clock with the first packet of the sender.
    @inlinable @inline(__always)
    public mutating func notePacket(now: Timestamp) {
        if nextTimeout == nil { start(now: now) }
    }

    @usableFromInline
    mutating func start(now: Timestamp) {
        next = now + ForwardingLimits.reportInterval
    }

    /// When a report is due: sets the next moment and gives a writer for the blocks. Afterwards: if its `packetCount`
    /// is 0 nothing was heard and nothing is to be sent; call ``stop()`` then, so that silence costs no timer.
    /// - Parameter senderSSRC: the bridge's video SSRC.
    public mutating func begin(senderSSRC: UInt32, now: Timestamp) -> ReceiverReportWriter? {
        guard let next, now >= next else { return nil }
        self.next = now + ForwardingLimits.reportInterval
        return ReceiverReportWriter(senderSSRC: senderSSRC)
    }

    /// Stops the clock until the next packet.
    public mutating func stop() {
        next = nil
    }
}
