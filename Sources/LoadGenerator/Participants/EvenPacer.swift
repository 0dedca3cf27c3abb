// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Spreads the packets of a frame over the time until the next one is due, as narrow links between a sender and the
/// bridge do: what comes out at their end lies between the packets of everybody else.
///
/// A key frame is not squeezed into one interval: no more than 2.5 times the target rate leaves, and what comes after
/// it makes up for the delay.
struct EvenPacer {
    private let nanosecondsPerByte: Double
    private let tick: TimeDelta
    private var spacing = TimeDelta.zero
    /// When the next packet would leave if time had no grain.
    private var ideal = Timestamp.zero
    /// The multiple of the tick at which the last packet left, and how many have left at it.
    private var last = (slot: Int64(-1), packets: Int64(0))

    /// - Parameters:
    ///   - bitrate: the target, in bits per second.
    ///   - tick: packets leave at multiples of this, of all senders alike; zero lets each leave at its own moment.
    init(bitrate: Int, tick: TimeDelta) {
        nanosecondsPerByte = 8e9 / (Double(bitrate) * Pacer.factor)
        self.tick = tick
    }

    /// When the next packet may leave.
    var next: Timestamp {
        guard tick > .zero else { return ideal }
        // A nanosecond for each packet before it: so everybody's first packets come before anybody's second.
        let place = slot == last.slot ? last.packets : 0
        return Timestamp(nanoseconds: slot * tick.nanoseconds + place)
    }

    /// The multiple of the tick at which the next packet leaves.
    private var slot: Int64 { (ideal.nanoseconds + tick.nanoseconds - 1) / tick.nanoseconds }

    /// A frame of `packets` packets and `bytes` bytes begins; the one after it is due at `following`.
    mutating func begin(packets: Int, bytes: Int, at now: Timestamp, following: Timestamp) {
        ideal = now
        let least = TimeDelta.nanoseconds(Int64(Double(bytes) * nanosecondsPerByte) / Int64(packets))
        spacing = max(.nanoseconds((following - now).nanoseconds / Int64(packets)), least)
    }

    /// A packet of the frame left.
    mutating func note() {
        if tick > .zero { last = slot == last.slot ? (slot, last.packets + 1) : (slot, 1) }
        ideal = ideal + spacing
    }
}
