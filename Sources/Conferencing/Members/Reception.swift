// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import Primitives

/// What was decided for a receiver of the pictures it may get, and what the next decision is made by: cold, bounded by
/// `ssrc-limit.video`.
struct Reception: ~Copyable {
    /// A picture that the receiver may get within its last-N.
    struct Picture: BitwiseCopyable {
        /// Where it stands in ``Conference/sources``.
        var slot: UInt16
        /// What it gets of it.
        var target: LayerTarget
        /// What the allocation remembers of it.
        var allocation: SourceAllocation
    }

    /// Those pictures.
    private(set) var pictures = GrowableBuffer<Picture>()
    /// Where the next ones are written down, so that nothing is allocated run by run.
    private var former = GrowableBuffer<Picture>()
    /// When to decide anew.
    var schedule: AllocationSchedule
    /// The deadline that counts in ``ShardHost/allocations``.
    var scheduledAt = Timestamp.distantFuture
    /// What can be sent to it, as far as its reports say.
    private(set) var brake: RateBrake
    /// When ``brake`` looks next at what was sent.
    private(set) var nextLook: Timestamp?
    /// When pictures began to be sent to it, as far as that was looked at.
    private(set) var firstVideo: Timestamp?
    /// The pictures of which a layer is sent, by name, as the control plane is to know them.
    private(set) var forwarded: [String] = []
    /// It has not been told of ``forwarded`` yet.
    var isToTell = false

    init(_ schedule: AllocationSchedule, _ brake: RateBrakeSettings) {
        self.schedule = schedule
        self.brake = RateBrake(settings: brake)
    }

    /// What it gets of the source in `slot`; `nil` where nothing was decided.
    func target(ofSlot slot: Int, key: UInt64) -> LayerTarget? {
        for index in 0..<pictures.count where Int(pictures[index].slot) == slot {
            return pictures[index].allocation.key == key ? pictures[index].target : nil
        }
        return nil
    }

    /// Pictures of which a layer is sent.
    var forwardedCount: Int {
        var count = 0
        for index in 0..<pictures.count where pictures[index].target.encoding >= 0 { count += 1 }
        return count
    }

    // MARK: A run

    /// Begins to write down other pictures.
    mutating func beginRun() {
        swap(&pictures, &former)
        pictures.removeAll()
    }

    /// Writes one down.
    mutating func add(_ picture: Picture) { pictures.append(picture) }

    /// Other pictures are sent than before.
    /// - Returns: whether they are others.
    mutating func forward(_ names: [String]) -> Bool {
        guard names != forwarded else { return false }
        forwarded = names
        return true
    }

    // MARK: The rate

    /// Packets were asked for again that had not been before.
    mutating func noteNacked(packets: Int) { brake.noteNacked(packets: packets) }

    /// The receiver has said what it can take.
    mutating func noteEstimate(_ bitsPerSecond: UInt64, at now: Timestamp) {
        brake.handleEstimate(bitsPerSecond, at: now)
    }

    /// A receiver report came.
    mutating func noteReport(lost: Int, expected: Int, roundTrip: TimeDelta?, at now: Timestamp) {
        brake.handleReport(lost: lost, expected: expected, roundTrip: roundTrip, at: now)
    }

    /// Looks at what was sent since the last look.
    mutating func look(_ sent: (packets: Int, bytes: Int), at now: Timestamp) {
        if sent.packets > 0, firstVideo == nil, forwardedCount > 0 { firstVideo = now }
        brake.noteSent(packets: sent.packets, bytes: sent.bytes)
        brake.update(at: now)
    }

    /// When to look at what was sent: while pictures are.
    mutating func planLook(at now: Timestamp) {
        nextLook = forwardedCount > 0 ? now + ConferencingLimits.rateInterval : nil
    }
}
