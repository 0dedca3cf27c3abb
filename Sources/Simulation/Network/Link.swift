// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// One direction of a client's path: a rate with a queue, delay, jitter, loss in bursts, copies, reordering, silence.
///
/// Handshakes draw from a generator of their own: how many datagrams they take depends on OpenSSL, and must not change
/// what becomes of the media.
struct Link {
    /// How the path is.
    struct Settings {
        /// Least time on the way.
        var delay = TimeDelta.milliseconds(10)
        /// The most that is added to it at random; order stays.
        var jitter = TimeDelta.zero
        /// Share of packets lost while the path is good, and while it is bad (Gilbert–Elliott).
        var loss = (good: 0.0, bad: 0.0)
        /// Chance per packet that a good path turns bad, and a bad one good.
        var turn = (bad: 0.0, good: 1.0)
        /// Share of packets that arrive twice.
        var duplication = 0.0
        /// Share of packets that later ones overtake.
        var reordering = 0.0
        /// How much later those come.
        var reorderDelay = TimeDelta.milliseconds(8)
        /// Bits per second that pass; 0 does not limit them.
        var rate = 0
        /// What would wait longer for its turn is lost, where there is a rate.
        var queue = TimeDelta.milliseconds(200)
        /// Whether nothing gets through.
        var isDown = false

        /// Whether everything arrives, once and in order.
        var isPerfect: Bool {
            loss.good == 0 && (turn.bad == 0 || loss.bad == 0) && duplication == 0 && reordering == 0 && !isDown
                && rate == 0
        }
    }

    var settings: Settings
    private var random: Random
    private var handshakeRandom: Random
    private var isBad = false
    private var last = Timestamp.zero
    /// When the last bit of what waits has left.
    private var busyUntil = Timestamp.zero
    /// Datagrams that found the queue full.
    private(set) var overflowed = 0

    init(_ settings: Settings, random: inout Random) {
        self.settings = settings
        self.random = Random(seed: random.next())
        handshakeRandom = Random(seed: random.next())
    }

    /// When a datagram that is sent now arrives, and when its copy does; `nil` for what does not arrive.
    mutating func pass(
        at now: Timestamp, bytes: Int = 0, isHandshake: Bool
    ) -> (first: Timestamp?, copy: Timestamp?) {
        if isHandshake { return handshake(at: now) }
        if settings.isDown { return (nil, nil) }
        guard let now = leave(bytes, at: now) else { return (nil, nil) }
        isBad = random.fraction() < (isBad ? settings.turn.good : settings.turn.bad) ? !isBad : isBad
        let isLost = random.fraction() < (isBad ? settings.loss.bad : settings.loss.good)
        let first = arrival(at: now)
        let isTwice = settings.duplication > 0 && random.fraction() < settings.duplication
        let copy = isTwice ? arrival(at: now) : nil
        return (isLost ? nil : first, isLost ? nil : copy)
    }

    /// When so many bytes have passed the narrowest place; `nil` when its queue is full.
    private mutating func leave(_ bytes: Int, at now: Timestamp) -> Timestamp? {
        guard settings.rate > 0 else { return now }
        let start = max(now, busyUntil)
        guard start - now <= settings.queue else {
            overflowed += 1
            return nil
        }
        busyUntil = start + .nanoseconds(Int64(bytes) * 8 * 1_000_000_000 / Int64(settings.rate))
        return busyUntil
    }

    private mutating func arrival(at now: Timestamp) -> Timestamp {
        var time = now + settings.delay
        if settings.jitter > .zero { time = time + spread(settings.jitter, &random) }
        if settings.reordering > 0, random.fraction() < settings.reordering {
            return time + spread(settings.reorderDelay, &random)
        }
        last = max(last, time)
        return last
    }

    private mutating func handshake(at now: Timestamp) -> (first: Timestamp?, copy: Timestamp?) {
        if settings.isDown { return (nil, nil) }
        let chance = isBad ? settings.loss.bad : settings.loss.good
        let isLost = handshakeRandom.fraction() < chance
        return (isLost ? nil : now + settings.delay, nil)
    }

    private func spread(_ most: TimeDelta, _ random: inout Random) -> TimeDelta {
        .nanoseconds(Int64(Double(most.nanoseconds) * random.fraction()))
    }
}
