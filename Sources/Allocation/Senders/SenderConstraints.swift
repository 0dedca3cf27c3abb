// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What the senders of a conference are to send, out of what all its receivers want of them (media-plane.md 9.6):
/// nobody sends what nobody may see.
///
/// What counts is the receivers' effective wishes (``SourceAllocation/wish``): what they asked for within their last-N,
/// not what their rates allow, as nobody could rise to layers that do not come. A relay counts as one receiver.
///
/// - Cost: a change of one receiver's wish for one source is one ``HeightDemand/exchange(_:for:)``: a thousand
///   receivers that turn their last-N of 20 over are 40,000 of them. Nothing is ever summed up over all receivers.
/// - What came and went before it was told is not told. Sources are told in the order in which they changed.
public struct SenderConstraints: ~Copyable {
    private var senders: GrowableBuffer<Sender>
    /// Slots whose owners may have to be told; those from ``next`` on still.
    private var changes: GrowableBuffer<UInt32>
    private var next = 0

    /// Of a conference without sources; room is made as they come.
    public init() {
        senders = GrowableBuffer()
        changes = GrowableBuffer()
    }

    /// A source is there: its owner is told what is wanted of it, be it nothing.
    /// - Parameter slot: below ``AllocationLimits/sources``; given out again only after ``remove(_:)``.
    /// - Returns: `false` beyond the limit.
    @discardableResult
    public mutating func add(_ slot: Int) -> Bool {
        guard slot >= 0, slot < AllocationLimits.sources else { return false }
        while senders.count <= slot { senders.append(Sender()) }
        senders[slot].demand = HeightDemand()
        senders[slot].told = nil
        senders[slot].isLive = true
        wait(slot)
        return true
    }

    /// A source is there no more, and nobody's wish for it counts.
    public mutating func remove(_ slot: Int) {
        guard isLive(slot) else { return }
        senders[slot].demand = HeightDemand()
        senders[slot].isLive = false
    }

    /// A receiver's effective wish for a source is another than before; nothing is 0, also where it or the source comes
    /// or goes.
    public mutating func exchange(_ old: Int32, for new: Int32, of slot: Int) {
        guard isLive(slot), senders[slot].demand.exchange(old, for: new) else { return }
        wait(slot)
    }

    /// The owner of a source has lost what it was told, as its channel is a new one.
    public mutating func tellAgain(_ slot: Int) {
        guard isLive(slot) else { return }
        senders[slot].told = nil
        wait(slot)
    }

    /// What is wanted of a source now.
    public func maxHeight(of slot: Int) -> Int32 { isLive(slot) ? senders[slot].demand.maxHeight : 0 }

    /// What an owner has to be told next.
    public mutating func pollConstraint() -> SenderConstraint? {
        while next < changes.count {
            let slot = Int(changes[next])
            next += 1
            senders[slot].isWaiting = false
            let height = senders[slot].demand.maxHeight
            guard senders[slot].isLive, senders[slot].told != height else { continue }
            senders[slot].told = height
            return SenderConstraint(slot: slot, maxHeight: height)
        }
        changes.removeAll()
        next = 0
        return nil
    }

    private func isLive(_ slot: Int) -> Bool { slot >= 0 && slot < senders.count && senders[slot].isLive }

    /// At most one place per source, once those that were polled are gone.
    private mutating func wait(_ slot: Int) {
        guard !senders[slot].isWaiting else { return }
        if changes.count >= 2 * AllocationLimits.sources { forgetPolled() }
        senders[slot].isWaiting = true
        changes.append(UInt32(slot))
    }

    private mutating func forgetPolled() {
        for position in next..<changes.count { changes[position - next] = changes[position] }
        for _ in 0..<next { _ = changes.popLast() }
        next = 0
    }
}

/// One source and what its owner knows.
struct Sender: ~Copyable {
    var demand = HeightDemand()
    /// What its owner was told last; `nil`: nothing yet, so that it will be told in any case.
    var told: Int32?
    var isLive = false
    var isWaiting = false
}
