// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Generates the transport-wide feedback for one sender: when which of its packets arrived (media-plane.md 7.4).
///
/// Feed every authenticated packet that carries the extension to ``record(_:now:)``. When ``isDue(now:)`` says so, call
/// ``write(senderSSRC:now:to:)`` until it gives 0; each call makes one RTCP packet.
public struct TransportFeedback: ~Copyable {
    /// Arrival of number n at `n & mask`, in 250 µs since the origin, modulo 2^32; 0 when it has not arrived.
    var arrivals: UnsafeMutablePointer<UInt32> {
        guard let table else { preconditionFailure("nothing has arrived") }
        return table
    }
    /// Made with the first arrival: who only listens needs none.
    private var table: UnsafeMutablePointer<UInt32>?
    let mask = ForwardingLimits.transportWindow - 1
    var unwrapper = SequenceUnwrapper()
    /// The next number to report, unwrapped.
    var windowStart: Int64 = 0
    var mediaSSRC: UInt32 = 0
    var feedbackCount: UInt8 = 0
    /// Something arrived that has not been reported.
    public internal(set) var hasNews = false
    /// Packets of the report that is being written.
    var packetsInReport = 0
    private var lastFeedback: Timestamp?
    private var isFrameComplete = false

    /// Nothing has arrived.
    public init() {}

    deinit { table?.deallocate() }

    /// Notes the arrival of a packet; those without the extension are ignored, and so is a number's second arrival.
    public mutating func record(_ info: PacketInfo, now: Timestamp) {
        guard info.hasTransportSequence else { return }
        if table == nil { makeTable() }
        let isFirst = unwrapper.highest < 0
        let former = unwrapper.highest
        let number = unwrapper.unwrap(info.transportSequence)
        if isFirst {
            windowStart = number
            if lastFeedback == nil { lastFeedback = now }
        } else if number > former {
            makeRoom(former: former, highest: number)
        } else if unwrapper.highest - number >= Int64(ForwardingLimits.transportWindow) {
            // No network delivers a packet so late: the sender counts anew. What was not reported is given up.
            restart()
            return record(info, now: now)
        }
        let place = Int(truncatingIfNeeded: number) & mask
        guard arrivals[place] == 0 else { return }
        arrivals[place] = max(1, UInt32(truncatingIfNeeded: now.nanoseconds / 250_000))
        if number < windowStart { windowStart = number }
        mediaSSRC = info.ssrc
        hasNews = true
        if info.marker { isFrameComplete = true }
    }

    /// Whether feedback should be written now: after 100 ms, or at the end of a frame after 20 ms.
    @inlinable
    public func isDue(now: Timestamp) -> Bool {
        guard let due = nextTimeout else { return false }
        return now >= due
    }

    /// When feedback is due unless more arrives; `nil` when there is nothing to report.
    public var nextTimeout: Timestamp? {
        guard hasNews, let lastFeedback else { return nil }
        return lastFeedback
            + (isFrameComplete ? ForwardingLimits.feedbackMarkerInterval : ForwardingLimits.feedbackInterval)
    }

    private mutating func makeTable() {
        let table = UnsafeMutablePointer<UInt32>.allocate(capacity: ForwardingLimits.transportWindow)
        table.initialize(repeating: 0, count: ForwardingLimits.transportWindow)
        self.table = table
    }

    private mutating func restart() {
        unwrapper = SequenceUnwrapper()
        arrivals.update(repeating: 0, count: ForwardingLimits.transportWindow)
        hasNews = false
        packetsInReport = 0
        isFrameComplete = false
    }

    mutating func finishReport(now: Timestamp) {
        hasNews = false
        packetsInReport = 0
        isFrameComplete = false
        lastFeedback = now
    }

    /// Forgets the numbers that the new highest one pushes out of the window.
    private mutating func makeRoom(former: Int64, highest: Int64) {
        let window = Int64(ForwardingLimits.transportWindow)
        if highest - former >= window {
            arrivals.update(repeating: 0, count: ForwardingLimits.transportWindow)
        } else {
            // Ends: below the window's size.
            for step in 1...Int(highest - former) { arrivals[(Int(truncatingIfNeeded: former) + step) & mask] = 0 }
        }
        if highest - windowStart >= window { windowStart = highest - window + 1 }
    }
}
