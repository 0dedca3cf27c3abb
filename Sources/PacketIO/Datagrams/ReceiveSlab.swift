// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// One datagram in a ``ReceiveSlab``.
public struct ReceivedDatagram: BitwiseCopyable, Sendable {
    /// Offset of its first byte in the slab's buffer.
    public var offset: Int
    /// Its length in bytes.
    public var byteCount: Int
    /// Who sent it.
    public var source: TransportAddress
    /// Index of the local address (its socket) that it came to.
    public var local: UInt16
    /// When it came to the machine, by the clock of the loop that reads it (``LoopClock``). The datagrams of a train
    /// came together.
    public var arrival: Timestamp
}

/// Where received datagrams lie until the turn that received them is over.
///
/// Has one slot for each kernel message, large enough for a whole GRO train; a train is described as its datagrams,
/// one entry each. Only pages that were ever written take memory: a bridge whose peers send single datagrams keeps a
/// few hundred kilobytes resident.
public struct ReceiveSlab: ~Copyable {
    /// The bytes of all datagrams.
    public let buffer: UnsafeMutableRawBufferPointer
    /// The datagrams; `0..<count` are filled, in the order of arrival per socket.
    public let datagrams: UnsafeMutablePointer<ReceivedDatagram>
    /// How many datagrams there are.
    public private(set) var count = 0
    /// How many datagrams can be described.
    public let capacity: Int
    /// How many kernel messages fit.
    public let messageCapacity: Int
    /// How many kernel messages are in.
    public private(set) var messageCount = 0
    /// Longest message that fits; longer ones are dropped and counted.
    public let slotBytes: Int
    /// When each datagram arrived, in nanoseconds since 1970, 0 where the kernel did not say; `nil` unless asked for.
    public let arrivals: UnsafeMutablePointer<Int64>?
    let slotStride: Int

    /// An empty slab.
    /// - Parameters:
    ///   - messages: kernel messages it can hold.
    ///   - datagrams: datagrams it can describe.
    ///   - slotBytes: longest message; leave it unless no socket receives trains.
    ///   - notesArrival: whether there is room for times of arrival.
    public init(
        messages: Int = PacketIOLimits.batchMessages,
        datagrams: Int = PacketIOLimits.slabDatagrams,
        slotBytes: Int = PacketIOLimits.trainBytes,
        notesArrival: Bool = false
    ) {
        precondition(messages > 0 && datagrams > 0 && slotBytes > 0, "a slab needs room")
        self.slotBytes = slotBytes
        slotStride = slotBytes == PacketIOLimits.trainBytes ? PacketIOLimits.slotStride : (slotBytes + 63) & ~63
        messageCapacity = messages
        capacity = datagrams
        buffer = .allocate(byteCount: slotStride * messages, alignment: 64)
        self.datagrams = .allocate(capacity: datagrams)
        arrivals = notesArrival ? .allocate(capacity: datagrams) : nil
    }

    deinit {
        buffer.deallocate()
        datagrams.deallocate()
        arrivals?.deallocate()
    }

    /// Forgets all datagrams; what pointed to them is void.
    @inline(__always)
    public mutating func removeAll() {
        count = 0
        messageCount = 0
    }

    /// The bytes of datagram `index`.
    @inline(__always)
    public func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
        let datagram = datagrams[index]
        return UnsafeMutableRawBufferPointer(rebasing: buffer[datagram.offset..<datagram.offset + datagram.byteCount])
    }

    /// Takes the next slot's message in, split into its datagrams.
    /// - Returns: how many datagrams found no entry.
    @inline(__always)
    mutating func append(
        byteCount: Int, segmentBytes: Int, source: TransportAddress, local: UInt16, arrival: Timestamp, stamp: Int64
    ) -> Int {
        var offset = messageCount * slotStride
        messageCount += 1
        var remaining = byteCount
        let step = segmentBytes > 0 ? segmentBytes : byteCount
        repeat {
            // An empty datagram is one, too.
            guard count < capacity else { return max(1, (remaining + step - 1) / max(step, 1)) }
            let length = min(step, remaining)
            datagrams[count] = ReceivedDatagram(
                offset: offset, byteCount: length, source: source, local: local, arrival: arrival)
            if let arrivals { arrivals[count] = stamp }
            count += 1
            offset += length
            remaining -= length
        } while remaining > 0
        return 0
    }

    /// Passes over a slot whose message is not wanted.
    mutating func skipSlot() {
        messageCount += 1
    }
}
