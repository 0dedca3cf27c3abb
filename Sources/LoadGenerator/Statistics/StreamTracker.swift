// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What one receiver saw of one stream: which packets came, which twice, which in the wrong order.
///
/// Packets are numbered by the sender's stamp. A bridge may renumber RTP, so the distance between header and stamp is
/// learned from packets that were decrypted and carried over to those that were not.
struct StreamTracker: BitwiseCopyable {
    private var unwrapper = SequenceUnwrapper()
    /// Stamp number minus unwrapped header number.
    private var distance: Int64 = 0
    private var hasDistance = false
    private var highest: Int64 = -1
    // Bit n of the window: number `highest - n` has come.
    private var window: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// The first number that has to come; negative while it is not known.
    private(set) var expectedFrom: Int64 = -1
    /// Different packets from ``expectedFrom`` on.
    private(set) var received: UInt64 = 0
    /// Packets that came again.
    private(set) var duplicates: UInt64 = 0
    /// Packets that came after a later one.
    private(set) var reordered: UInt64 = 0
    /// Packets whose header number jumped against the stamp after it was learned: the bridge closed or opened a gap.
    private(set) var renumbered: UInt64 = 0
    /// Whether a key frame was seen (video).
    var hasKeyframe = false
    /// Reception statistics of the header, for receiver reports.
    var report = ReceptionStatistics()

    init() {}

    /// Whether the next packet has to be decrypted whatever the sampling says.
    var needsStamp: Bool { !hasDistance }

    /// Everything from stamp number `sequence` on has to come.
    mutating func expect(from sequence: Int64) {
        expectedFrom = sequence
    }

    /// Unwraps a header number; call once per packet, in order of arrival.
    @inline(__always)
    mutating func unwrap(_ header: UInt16) -> Int64 {
        unwrapper.unwrap(header)
    }

    /// Notes a packet that was decrypted.
    /// - Returns: whether it did not come before.
    @inline(__always)
    @discardableResult
    mutating func note(header: Int64, stamp: Int64) -> Bool {
        let found = stamp - header
        if hasDistance, found != distance { renumbered += 1 }
        distance = found
        hasDistance = true
        return count(stamp)
    }

    /// Notes a packet of which only the header was read.
    @inline(__always)
    mutating func note(header: Int64) {
        _ = count(header + distance)
    }

    /// Notes a packet that came in a retransmission; that it came before is no flaw then.
    /// - Returns: whether it did not come before.
    mutating func note(repeated number: Int64) -> Bool {
        let before = duplicates
        defer { duplicates = before }
        return count(number)
    }

    /// A packet came whose number the replay check of its receiver knows already.
    mutating func noteRepetition() { duplicates += 1 }

    /// How many packets are missing when the sender's last number was `last`.
    func missing(last: Int64) -> UInt64 {
        guard expectedFrom >= 0, last >= expectedFrom else { return 0 }
        let expected = UInt64(last - expectedFrom + 1)
        return expected > received ? expected - received : 0
    }

    /// How many packets have to come when the sender's last number was `last`.
    func expected(last: Int64) -> UInt64 {
        guard expectedFrom >= 0, last >= expectedFrom else { return 0 }
        return UInt64(last - expectedFrom + 1)
    }

    @inline(__always)
    private mutating func count(_ number: Int64) -> Bool {
        if number > highest {
            shift(by: number - highest)
            highest = number
        } else {
            let age = highest - number
            if age >= Int64(LoadGeneratorLimits.duplicateWindow) || isSet(Int(age)) {
                duplicates += 1
                return false
            }
            reordered += 1
            set(Int(age))
        }
        if expectedFrom >= 0, number >= expectedFrom { received += 1 }
        return true
    }

    @inline(__always)
    private mutating func shift(by distance: Int64) {
        if distance == 1 {
            window.3 = window.3 << 1 | window.2 >> 63
            window.2 = window.2 << 1 | window.1 >> 63
            window.1 = window.1 << 1 | window.0 >> 63
            window.0 = window.0 << 1 | 1
            return
        }
        shiftFar(by: distance)
    }

    private mutating func shiftFar(by distance: Int64) {
        guard distance < Int64(LoadGeneratorLimits.duplicateWindow) else {
            window = (1, 0, 0, 0)
            return
        }
        var words = [window.0, window.1, window.2, window.3]
        let whole = Int(distance) / 64
        let bits = UInt64(distance) % 64
        for index in stride(from: 3, through: 0, by: -1) {
            let low = index - whole >= 0 ? words[index - whole] : 0
            let lower = index - whole - 1 >= 0 ? words[index - whole - 1] : 0
            words[index] = bits == 0 ? low : low << bits | lower >> (64 - bits)
        }
        window = (words[0] | 1, words[1], words[2], words[3])
    }

    @inline(__always)
    private func isSet(_ age: Int) -> Bool {
        let bit = UInt64(1) << UInt64(age & 63)
        switch age >> 6 {
        case 0: return window.0 & bit != 0
        case 1: return window.1 & bit != 0
        case 2: return window.2 & bit != 0
        default: return window.3 & bit != 0
        }
    }

    private mutating func set(_ age: Int) {
        let bit = UInt64(1) << UInt64(age & 63)
        switch age >> 6 {
        case 0: window.0 |= bit
        case 1: window.1 |= bit
        case 2: window.2 |= bit
        default: window.3 |= bit
        }
    }
}
