// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What was lost on purpose, and what retransmissions made of it.
struct RepairStatistics: Sendable {
    /// Datagrams with media or RTCP that were dropped instead of sent.
    var droppedUp: UInt64 = 0
    /// The same, instead of received.
    var droppedDown: UInt64 = 0
    /// Audio packets that receivers lack because of that, at most.
    var lostAudio: UInt64 = 0

    /// Numbers that receivers found missing.
    var missed: UInt64 = 0
    /// Of those, numbers that a retransmission brought in time.
    var repaired: UInt64 = 0
    /// Of those, numbers that came by themselves, late.
    var cameLate: UInt64 = 0
    /// Of those, numbers that were no longer needed when a later picture was shown.
    var passedOver: UInt64 = 0
    /// Of those, numbers that were asked for in vain, or not at all because there were too many.
    var givenUp: UInt64 = 0
    /// Of those, numbers that were missing at the end.
    var outstanding: UInt64 = 0
    /// Packets that came when nobody waited for them any more.
    var cameTooLate: UInt64 = 0
    /// Retransmissions of packets that had come.
    var needless: UInt64 = 0
    /// From noticing a gap to the packet that closed it.
    var repairTime = LatencyHistogram()

    /// NACKs that receivers sent.
    var nacksSent: UInt64 = 0
    /// Packets that the bridge asked senders for.
    var asked: UInt64 = 0
    /// Retransmissions that senders sent.
    var repeated: UInt64 = 0
    /// Packets asked for that were no longer kept.
    var unknown: UInt64 = 0

    /// Numbers that pictures lacked and that never came.
    var unrepaired: UInt64 { givenUp + outstanding }

    /// Adds what another thread counted.
    mutating func merge(_ other: RepairStatistics) {
        droppedUp += other.droppedUp
        droppedDown += other.droppedDown
        lostAudio += other.lostAudio
        missed += other.missed
        repaired += other.repaired
        cameLate += other.cameLate
        passedOver += other.passedOver
        givenUp += other.givenUp
        outstanding += other.outstanding
        cameTooLate += other.cameTooLate
        needless += other.needless
        repairTime.merge(other.repairTime)
        nacksSent += other.nacksSent
        asked += other.asked
        repeated += other.repeated
        unknown += other.unknown
    }
}
