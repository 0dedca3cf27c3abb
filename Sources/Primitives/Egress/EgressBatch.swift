// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Where a datagram goes and from which of the bridge's sockets it leaves.
public struct Destination: Hashable, Sendable, BitwiseCopyable {
    /// The peer.
    public var remote: TransportAddress
    /// Index of the bound local address (its socket), as given by the shell at start.
    public var local: UInt16

    /// A way out.
    public init(remote: TransportAddress, local: UInt16) {
        self.remote = remote
        self.local = local
    }
}

/// One kernel message of an ``EgressBatch``: datagrams for one destination, lying back to back, all `segmentBytes`
/// long except that the last may be shorter (the shape UDP GSO wants).
public struct EgressMessage: BitwiseCopyable, Sendable {
    /// Where to.
    public var destination: Destination
    /// Offset of the first byte in the batch's buffer.
    public var offset: Int
    /// Length of all datagrams together.
    public var byteCount: Int
    /// Length of each datagram but the last.
    public var segmentBytes: Int
    /// How many datagrams.
    public var segmentCount: Int
}

/// Transmit slots, filled by cores and emptied only by `PacketIO`.
///
/// Packets for one receiver that are reserved one after the other and have equal sizes fall into one
/// ``EgressMessage``, so keep a receiver's packets together (house rule 2.4). Nothing allocates after `init`.
///
/// Use: look at ``hasRoom(datagrams:)``, then for each packet ``reserve()`` – write – ``commit(_:to:)``.
public struct EgressBatch: ~Copyable {
    /// Room kept for each datagram, in bytes: an Ethernet MTU plus slack for cipher tags.
    public static let slotBytes = 1_600
    /// Datagrams per message that the kernel accepts (UDP_MAX_SEGMENTS is 64 on old kernels).
    public static let maxSegments = 64
    /// Bytes per message: an IP packet's limit less headers.
    public static let maxMessageBytes = 65_000

    /// The transmit slab.
    public let buffer: UnsafeMutableRawBufferPointer
    /// The messages; `0..<messageCount` are filled.
    public let messages: UnsafeMutablePointer<EgressMessage>
    /// How many messages fit.
    public let messageCapacity: Int
    /// How many messages there are.
    public private(set) var messageCount = 0
    /// How many datagrams there are.
    public private(set) var datagramCount = 0
    /// How many bytes of the buffer are taken.
    public private(set) var byteCount = 0
    /// Whether equal-sized neighbours are joined; off when the kernel has no GSO, so that each message is one datagram.
    public var joinsSegments: Bool

    /// An empty batch of `bytes` bytes and at most `messages` messages.
    public init(bytes: Int = 1 << 19, messages: Int = 512, joinsSegments: Bool = true) {
        buffer = .allocate(byteCount: bytes, alignment: 64)
        self.messages = .allocate(capacity: messages)
        messageCapacity = messages
        self.joinsSegments = joinsSegments
    }

    deinit {
        buffer.deallocate()
        messages.deallocate()
    }

    /// Datagrams of any size that surely fit when it is empty.
    public var capacity: Int { min(buffer.count / Self.slotBytes, messageCapacity) }

    /// Whether so many datagrams of any size surely fit.
    @inlinable @inline(__always)
    public func hasRoom(datagrams: Int) -> Bool {
        buffer.count - byteCount >= datagrams * Self.slotBytes && messageCapacity - messageCount >= datagrams
    }

    /// The next slot, ``slotBytes`` long; `nil` when the batch is full. Write into it, then ``commit(_:to:)``; a slot
    /// that is not committed is given again.
    @inlinable @inline(__always)
    public func reserve() -> UnsafeMutableRawBufferPointer? {
        guard hasRoom(datagrams: 1) else { return nil }
        return UnsafeMutableRawBufferPointer(start: buffer.baseAddress! + byteCount, count: Self.slotBytes)
    }

    /// Takes the first `count` bytes of the reserved slot as a datagram for `destination`.
    public mutating func commit(_ count: Int, to destination: Destination) {
        precondition(count > 0 && count <= Self.slotBytes, "datagram does not fit its slot")
        defer {
            byteCount += count
            datagramCount += 1
        }
        if joinsSegments, messageCount > 0 {
            let last = messages + (messageCount - 1)
            let isOpen = last.pointee.byteCount == last.pointee.segmentBytes * last.pointee.segmentCount
            if isOpen, count <= last.pointee.segmentBytes, last.pointee.destination == destination,
                last.pointee.segmentCount < Self.maxSegments, last.pointee.byteCount + count <= Self.maxMessageBytes
            {
                last.pointee.byteCount += count
                last.pointee.segmentCount += 1
                return
            }
        }
        messages[messageCount] = EgressMessage(
            destination: destination, offset: byteCount, byteCount: count, segmentBytes: count, segmentCount: 1)
        messageCount += 1
    }

    /// Reserves, copies `bytes` and commits: for datagrams made elsewhere (STUN, handshakes).
    /// - Returns: `false` when the batch is full or the datagram longer than a slot.
    public mutating func append(_ bytes: RawSpan, to destination: Destination) -> Bool {
        guard bytes.byteCount > 0, bytes.byteCount <= Self.slotBytes, let slot = reserve() else { return false }
        bytes.withUnsafeBytes { slot.copyMemory(from: $0) }
        commit(bytes.byteCount, to: destination)
        return true
    }

    /// Empties the batch; the shell calls it after sending.
    public mutating func removeAll() {
        messageCount = 0
        datagramCount = 0
        byteCount = 0
    }
}
