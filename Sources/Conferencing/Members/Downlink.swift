// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// What an endpoint receives: how it takes formats, and its view of each source that it was sent something of.
struct Downlink: ~Copyable {
    private static let nowhere = UInt16.max

    /// The payload type number it uses for a codec (by raw value); `Uplink.none` when it cannot receive it.
    private var numbers = [16 of UInt8](repeating: Uplink.none)
    var acceptsAudio = false
    var acceptsVideo = false
    /// Something was to be sent while it could not be reached.
    var isInterrupted = false
    /// Media that was sent to it since that was looked at last, for its rate.
    private(set) var sentPackets = 0
    private(set) var sentBytes = 0
    /// Smoothed round trip to it, from its receiver reports; zero before the first.
    var roundTrip = TimeDelta.zero
    /// The same; `nil` before the first.
    var knownRoundTrip: TimeDelta? { roundTrip == .zero ? nil : roundTrip }
    /// Answers its NACKs; what waits to be repeated is in ``ShardHost/repair``.
    var responder = NackResponder()
    /// Whether it stands in ``ShardHost/repeating``.
    var isRepeating = false
    /// What was lost on the way to it.
    var losses = LossAccount()
    /// The last REMB that was told to the control plane, in bits per second, and when the next may be.
    private var estimate: UInt64 = 0
    private var nextEstimate = Timestamp.zero

    /// Where the pair with a source slot stands below; two bytes for each slot up to the highest that was ever used.
    private var positions = GrowableBuffer<UInt16>()
    /// Pages of pairs: the lines of ``pagePairs`` projections, their cold halves, then what repairs need. Pages never
    /// move, and at most one is not full.
    private var pages = GrowableBuffer<UnsafeMutableRawPointer>()
    /// Pairs made so far; each serves every later source in its slot.
    private(set) var pairCount = 0

    private static var pagePairs: Int { 16 }
    private static var coldOffset: Int { pagePairs * Projection.lineBytes }
    private static var repairOffset: Int { coldOffset + pagePairs * MemoryLayout<ProjectionReport>.stride }

    init() {}

    deinit { for index in 0..<pages.count { pages[index].deallocate() } }

    /// The payload type number under which this endpoint takes `codec`; `Uplink.none` when it does not.
    @inline(__always)
    func number(of codec: UInt8) -> UInt8 { numbers[Int(codec & 15)] }

    /// Whether it takes redundant audio.
    @inline(__always)
    var takesRedundancy: Bool { numbers[Int(Codec.red.rawValue)] != Uplink.none }

    /// Whether it takes retransmissions as such.
    var takesRetransmissions: Bool { numbers[Int(Codec.rtx.rawValue)] != Uplink.none }

    /// Takes in a payload type; the first number of a codec is the one used.
    /// - Parameter former: what the number meant before.
    mutating func apply(_ type: PayloadType, former: UInt8) {
        if former != Uplink.none, former != type.codec.rawValue, numbers[Int(former)] == type.number {
            numbers[Int(former)] = Uplink.none
        }
        if numbers[Int(type.codec.rawValue)] == Uplink.none, !type.codec.isOpaque {
            numbers[Int(type.codec.rawValue)] = type.number
        }
        switch type.codec.mediaType {
        case .audio: acceptsAudio = true
        case .video: acceptsVideo = true
        }
    }

    /// Media was sent to it.
    @inline(__always)
    mutating func noteSent(packets: Int, bytes: Int) {
        sentPackets &+= packets
        sentBytes &+= bytes
    }

    /// What was sent since the last call.
    mutating func takeSent() -> (packets: Int, bytes: Int) {
        defer { (sentPackets, sentBytes) = (0, 0) }
        return (sentPackets, sentBytes)
    }

    /// Takes a REMB. Clients repeat it about every second, so that one which is passed over here comes again.
    /// - Returns: whether it says something new, and the last one is long enough ago.
    mutating func takeEstimate(_ bitrate: UInt64, at now: Timestamp) -> Bool {
        guard bitrate != estimate, now >= nextEstimate else { return false }
        estimate = bitrate
        nextEstimate = now + ConferencingLimits.estimateInterval
        return true
    }

    // MARK: Pairs

    /// Where the pair with the source in `slot` stands; `nil` before anything of it was to be sent.
    @inline(__always)
    func position(ofSlot slot: Int, generation: UInt32) -> Int? {
        guard slot < positions.count else { return nil }
        let position = positions[slot]
        guard position != Self.nowhere else { return nil }
        return projection(at: Int(position)).pointee.generation == generation ? Int(position) : nil
    }

    /// The line of the pair at `position`.
    @inline(__always)
    func projection(at position: Int) -> UnsafeMutablePointer<Projection> {
        precondition(position >= 0 && position < pairCount, "no such pair")
        return (pages[position / Self.pagePairs] + position % Self.pagePairs &* Projection.lineBytes)
            .assumingMemoryBound(to: Projection.self)
    }

    /// The cold half of the pair at `position`.
    @inline(__always)
    func report(at position: Int) -> UnsafeMutablePointer<ProjectionReport> {
        precondition(position >= 0 && position < pairCount, "no such pair")
        return (pages[position / Self.pagePairs] + Self.coldOffset).assumingMemoryBound(to: ProjectionReport.self)
            + position % Self.pagePairs
    }

    /// What repairs need of the pair at `position`.
    @inline(__always)
    func repair(at position: Int) -> UnsafeMutablePointer<PairRepair> {
        precondition(position >= 0 && position < pairCount, "no such pair")
        return (pages[position / Self.pagePairs] + Self.repairOffset).assumingMemoryBound(to: PairRepair.self)
            + position % Self.pagePairs
    }

    /// It is reached again: every stream goes on without a gap, with a key frame where one is needed. How many numbers
    /// were missed does not matter then; half a round of them could not be told from numbers that run back.
    mutating func resume() {
        isInterrupted = false
        for position in 0..<pairCount { projection(at: position).pointee.interrupt() }
    }

    /// Makes the pair with a source, in place of the pair with an earlier source in the slot if there was one; the
    /// ring of that one is the caller's to close.
    mutating func addPair(slot: Int, _ projection: Projection) -> Int {
        while positions.count <= slot { positions.append(Self.nowhere) }
        if positions[slot] != Self.nowhere {
            let position = Int(positions[slot])
            self.projection(at: position).pointee = projection
            report(at: position).pointee = ProjectionReport()
            repair(at: position).pointee.rtx = nil
            return position
        }
        if pairCount == pages.count * Self.pagePairs { addPage() }
        let position = pairCount
        pairCount += 1
        self.projection(at: position).initialize(to: projection)
        report(at: position).initialize(to: ProjectionReport())
        repair(at: position).initialize(to: PairRepair())
        positions[slot] = UInt16(position)
        return position
    }

    private mutating func addPage() {
        let bytes = Self.repairOffset + Self.pagePairs * MemoryLayout<PairRepair>.stride
        pages.append(.allocate(byteCount: bytes, alignment: Projection.lineBytes))
    }
}
