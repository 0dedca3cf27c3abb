// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Takes one receiver through the sources of a walk: those of the plan's front one by one with all their packets, those
/// that fill places a packet at a time behind them, and what is left of these at the end.
struct WalkCursor {
    /// Packets of one source.
    struct Step {
        let slot: Int
        /// Its next packet.
        let position: Int32
        /// How many at the most.
        let packets: Int
        fileprivate let isTail: Bool
    }

    /// The next source of the front; of those behind, and which packet of it.
    private var head: Int32
    private var tail: Int32
    private var tailPosition: Int32 = -1
    /// A place is open.
    private var isPlaceOpen = false

    @inline(__always)
    init(_ conference: UnsafeMutablePointer<Conference>) {
        head = conference.pointee.firstWalking
        tail = conference.pointee.firstTail
    }

    /// What comes next; tell with ``pass(_:to:_:)`` or ``skip(_:_:)`` what became of it.
    @inline(__always)
    func next(_ conference: UnsafeMutablePointer<Conference>) -> Step? {
        let isHeadLeft = head >= 0 && head != conference.pointee.firstTail
        let isTail = tail >= 0 && (isPlaceOpen || !isHeadLeft)
        guard isTail || isHeadLeft else { return nil }
        let slot = Int(isTail ? tail : head)
        let first = conference.pointee.sources.pointer(at: slot).pointee.walking.head
        return Step(
            slot: slot, position: isTail && tailPosition >= 0 ? tailPosition : first,
            packets: isTail && isHeadLeft ? 1 : .max, isTail: isTail)
    }

    /// The packets of a step before `position` were sent.
    @inline(__always)
    mutating func pass(_ step: Step, to position: Int32, _ conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: step.slot)
        isPlaceOpen = !step.isTail && source.pointee.takesTail
        if !step.isTail {
            head = source.pointee.nextWalking
        } else {
            tailPosition = position
            if position < 0 { tail = source.pointee.nextWalking }
        }
    }

    /// The receiver does not want the source.
    @inline(__always)
    mutating func skip(_ step: Step, _ conference: UnsafeMutablePointer<Conference>) {
        let next = conference.pointee.sources.pointer(at: step.slot).pointee.nextWalking
        guard step.isTail else { return head = next }
        tail = next
        tailPosition = -1
    }
}
