// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Takes one receiver through the encodings of a walk: those of the plan's front one by one with all their packets,
/// those that fill places a packet at a time behind them, and what is left of these at the end.
struct WalkCursor {
    /// Packets of one encoding.
    struct Step {
        let place: EncodingPlace
        /// Its next packet.
        let position: Int32
        /// How many at the most.
        let packets: Int
        fileprivate let isTail: Bool
    }

    /// The next encoding of the front; of those behind, and which packet of it.
    private var head: EncodingPlace
    private var tail: EncodingPlace
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
        let isHeadLeft = !head.isNone && head != conference.pointee.firstTail
        let isTail = !tail.isNone && (isPlaceOpen || !isHeadLeft)
        guard isTail || isHeadLeft else { return nil }
        let place = isTail ? tail : head
        let first = conference.pointee.encoding(at: place).pointee.walking.head
        return Step(
            place: place, position: isTail && tailPosition >= 0 ? tailPosition : first,
            packets: isTail && isHeadLeft ? 1 : .max, isTail: isTail)
    }

    /// The packets of a step before `position` were sent.
    @inline(__always)
    mutating func pass(_ step: Step, to position: Int32, _ conference: UnsafeMutablePointer<Conference>) {
        let encoding = conference.pointee.encoding(at: step.place)
        isPlaceOpen = !step.isTail && encoding.pointee.takesTail
        if !step.isTail {
            head = encoding.pointee.nextWalking
        } else {
            tailPosition = position
            if position < 0 { tail = encoding.pointee.nextWalking }
        }
    }

    /// The receiver does not want the encoding.
    @inline(__always)
    mutating func skip(_ step: Step, _ conference: UnsafeMutablePointer<Conference>) {
        let next = conference.pointee.encoding(at: step.place).pointee.nextWalking
        guard step.isTail else { return head = next }
        tail = next
        tailPosition = -1
    }
}
