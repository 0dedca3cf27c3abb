// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Door 6: one receiver's view of one source: whether a packet goes to it, under which number, and what went before.
///
/// One cache line of plain data per *active* pair, from which the receiver's stream goes on wherever it is read back
/// (house-style 2.10). What is seldom needed stands in ``ProjectionReport``.
public struct Projection: BitwiseCopyable, Sendable {
    /// What becomes of a packet.
    public enum Decision: UInt8, Sendable {
        /// Send it.
        case forward
        /// Nothing can be sent before a key frame: drop it and have one asked for.
        case awaitsKeyframe
        /// From before the packet the receiver's stream began with: drop it.
        case beforeStart
        /// Of another encoding than the one this receiver is sent.
        case otherEncoding
    }

    /// Size of one in memory, in bytes; slabs keep them on lines of their own.
    public static let lineBytes = 64

    /// Which of the successive sources of its slot this belongs to; another number means that it is free.
    public let generation: UInt32
    /// The SSRC the receiver sees.
    public let outgoingSSRC: UInt32
    /// How the receiver's transport finds its SRTP context without a search; the transport's own to read.
    public var transportHandle: UInt32 = .max
    /// Packets sent, for sender reports; wraps.
    public private(set) var packetsSent: UInt32 = 0
    /// Payload bytes sent, for sender reports; wraps.
    public private(set) var octetsSent: UInt32 = 0
    /// Added to the media time of the packets.
    public private(set) var timestampOffset: UInt32 = 0
    /// Added to the numbers of the packets.
    private var sequenceOffset: UInt16 = 0
    /// The highest number accepted, before the offset.
    private var newest: UInt16 = 0
    /// How far ``newest`` is from where the stream began; no further than any late packet can lie.
    private var distanceFromStart: UInt16 = 0
    /// Which of the source's restarts this has seen.
    private var restarts: UInt16 = 0
    /// Which of the source's sender reports went out last; 0 for none.
    public var reportGeneration: UInt16 = 0
    /// The encoding that is to be sent.
    public var targetEncoding: UInt8 = 0
    /// The encoding that is sent.
    public private(set) var currentEncoding: UInt8 = 0
    /// Whether something has been accepted since the last restart.
    public private(set) var hasStarted = false
    /// Whether a number was ever given.
    private var hasNumber = false
    // The rest of the line is kept for picture identifiers.

    /// A view of a source of which nothing has been sent.
    /// - Parameters:
    ///   - generation: of the source's slot.
    ///   - last: the highest number that left under this SSRC to this receiver before; packets cannot be encrypted
    ///     under numbers that were used. `nil` when there was none.
    ///   - random: any number; the first one is taken from it when there was none before.
    public init(generation: UInt32, outgoingSSRC: UInt32, after last: UInt16?, random: UInt64) {
        self.generation = generation
        self.outgoingSSRC = outgoingSSRC
        if let last {
            firstNumber = last &+ UInt16(ForwardingLimits.restartHole) &+ 1
        } else {
            firstNumber = UInt16(truncatingIfNeeded: random) & (ForwardingLimits.firstNumbers - 1)
        }
    }

    /// The number that the next packet gets if it begins the stream.
    private var firstNumber: UInt16

    /// The number under which a packet leaves that was accepted.
    @inlinable
    public func outgoing(_ sequence: UInt16) -> UInt16 { sequence &+ offset }

    @usableFromInline var offset: UInt16 { sequenceOffset }

    /// Decides on a packet.
    /// - Parameters:
    ///   - sequence: its number after gaps were closed (``SequenceGapCloser``).
    ///   - encoding: which encoding of its source it is of.
    ///   - canStart: the stream can begin with it: any packet of audio and of video that the bridge does not parse
    ///     (media-plane.md 5.7), otherwise a key frame.
    ///   - restarts: the source's count; another than before begins the stream anew, without a gap.
    public mutating func accept(sequence: UInt16, encoding: UInt8, canStart: Bool, restarts: UInt16) -> Decision {
        if restarts != self.restarts {
            self.restarts = restarts
            hasStarted = false
        }
        guard encoding == targetEncoding else { return .otherEncoding }
        guard hasStarted else {
            guard canStart else { return .awaitsKeyframe }
            if hasNumber { firstNumber = outgoing(newest) &+ 1 }
            sequenceOffset = firstNumber &- sequence
            currentEncoding = encoding
            newest = sequence
            distanceFromStart = 0
            hasStarted = true
            hasNumber = true
            return .forward
        }
        let distance = Int(Int16(bitPattern: sequence &- newest))
        if distance > 0 {
            newest = sequence
            distanceFromStart = UInt16(min(Int(distanceFromStart) + distance, Int(Int16.max)))
        } else if Int(distanceFromStart) + distance < 0 {
            return .beforeStart
        }
        return .forward
    }

    /// The receiver misses what comes now. Whenever it goes on, it begins anew without a gap.
    public mutating func interrupt() { hasStarted = false }

    /// Counts a packet that was put into the transmit slab.
    @inlinable
    public mutating func noteSent(payloadBytes: Int) {
        countSent(UInt32(truncatingIfNeeded: payloadBytes))
    }

    @usableFromInline
    mutating func countSent(_ octets: UInt32) {
        packetsSent &+= 1
        octetsSent &+= octets
    }
}
