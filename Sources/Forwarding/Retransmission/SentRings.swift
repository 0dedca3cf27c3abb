// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The memory of a worker's ``SentRing``s.
///
/// It grows by ``ForwardingLimits/sentRingsPerChunk`` rings at a time with the first packets of new pairs, up to
/// ``ForwardingLimits/sentRings``, and is used again and not given back. A pair that finds no room is served as before;
/// its NACKs find nothing.
/// - Memory: 4 kB for each pair of receiver and watched video source.
public struct SentRings: ~Copyable {
    private let chunks: UnsafeMutablePointer<UnsafeMutablePointer<SentRing.Entry>>
    private var chunkCount = 0
    /// Free places that were used before: a stack through the first entry of each.
    private var freeHead = UInt32.max
    private var untouched: UInt32 = 0
    private let capacity: Int
    /// Rings in use.
    public private(set) var count = 0
    /// Packets that were not remembered because all rings were in use.
    public private(set) var refused: UInt64 = 0

    private static var size: Int { ForwardingLimits.sentRing }
    private static var perChunk: Int { ForwardingLimits.sentRingsPerChunk }

    /// No ring in use.
    public init(capacity: Int = ForwardingLimits.sentRings) {
        self.capacity = capacity
        chunks = .allocate(capacity: capacity / Self.perChunk + 1)
    }

    deinit {
        for index in 0..<chunkCount { chunks[index].deallocate() }
        chunks.deallocate()
    }

    /// Remembers that a packet was put into the transmit slab. Never call it for a repeat.
    /// - Parameters:
    ///   - sequence: the number under which it left.
    ///   - reference: where it is stored; ``PacketReference/none`` when it is not.
    ///   - patch: what was changed for this receiver.
    @inline(__always)
    public mutating func note(
        _ sequence: UInt16, _ reference: PacketReference, _ patch: PacketPatch, in ring: inout SentRing
    ) {
        if !ring.isOpen {
            guard open(&ring) else {
                refused += 1
                return
            }
            ring.newest = sequence
        }
        let distance = Int(Int16(bitPattern: sequence &- ring.newest))
        if distance > 0 {
            ring.newest = sequence
        } else if distance <= -Self.size {
            // A newer number has its place.
            return
        }
        entries(ring)[Int(sequence) & (Self.size - 1)] = SentRing.Entry(
            reference: reference, timestampOffset: patch.timestampOffset, pictureID: patch.pictureID,
            sequence: sequence, layerIndex: patch.layerIndex, bits: patch.fields.rawValue)
    }

    /// Gives the entries of a ring back: the receiver does not get the source any more.
    public mutating func close(_ ring: inout SentRing) {
        guard ring.isOpen else { return }
        entries(ring)[0].reference = PacketReference(rawValue: freeHead)
        freeHead = ring.place
        ring = SentRing()
        count -= 1
    }

    /// The entry of a number; valid until the next ``note(_:_:_:in:)`` or ``close(_:)`` of its ring. A value in any
    /// case: an error that is thrown takes memory, and anybody can ask for what is not there.
    func entry(
        _ sequence: UInt16, in ring: SentRing
    ) -> Result<UnsafeMutablePointer<SentRing.Entry>, SentRing.Miss> {
        guard ring.isOpen else { return .failure(.neverSent) }
        let distance = Int(Int16(bitPattern: sequence &- ring.newest))
        guard distance <= 0 else { return .failure(.neverSent) }
        guard distance > -Self.size else { return .failure(.tooOld) }
        let entry = entries(ring) + Int(sequence) & (Self.size - 1)
        guard entry.pointee.sequence == sequence else { return .failure(.neverSent) }
        return .success(entry)
    }

    @inline(__always)
    private func entries(_ ring: SentRing) -> UnsafeMutablePointer<SentRing.Entry> {
        let place = Int(ring.place)
        precondition(place < Int(untouched), "a ring of another worker")
        return chunks[place / Self.perChunk] + place % Self.perChunk * Self.size
    }

    /// Finds room for the entries of a ring.
    @inline(never)
    private mutating func open(_ ring: inout SentRing) -> Bool {
        guard count < capacity else { return false }
        if freeHead != .max {
            ring.place = freeHead
            freeHead = entries(ring)[0].reference.rawValue
        } else {
            if Int(untouched) == chunkCount * Self.perChunk {
                chunks[chunkCount] = .allocate(capacity: Self.perChunk * Self.size)
                chunkCount += 1
            }
            ring.place = untouched
            untouched += 1
        }
        count += 1
        let first = entries(ring)
        // A number that never stands in this place means: nothing.
        for index in 0..<Self.size {
            (first + index).initialize(
                to: SentRing.Entry(
                    reference: .none, timestampOffset: 0, pictureID: 0, sequence: ~UInt16(index), layerIndex: 0,
                    bits: 0))
        }
        return true
    }
}
