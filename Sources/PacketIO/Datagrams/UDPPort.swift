// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
public import Primitives

/// How a ``UDPPort`` is opened.
public struct UDPPortOptions: Sendable {
    /// Receive buffer of each socket; the kernel may grant less without privilege.
    public var receiveBufferBytes = 10_485_760
    /// Send buffer of each socket.
    public var sendBufferBytes = 10_485_760
    /// Whether trains of equal datagrams are handed to the kernel whole (UDP_SEGMENT), where it can.
    public var usesGSO = true
    /// Whether the kernel may hand over trains whole (UDP_GRO), where it can.
    public var usesGRO = true
    /// Whether the kernel notes when each datagram arrived; without, the time of reading stands for it.
    public var notesArrival = true
    /// Whether other sockets of this user may share the port (SO_REUSEPORT), one for each worker.
    public var reusesPort = false

    /// The defaults.
    public init() {}
}

/// One UDP port on several local addresses: a non-blocking socket each, received from and sent to in batches.
///
/// Owned by one thread. Nothing allocates after `init`, but for ``add(_:)``.
public struct UDPPort: ~Copyable {
    /// The sockets, by local index, for a ``Poller``.
    public private(set) var descriptors: [Int32] = []
    /// The addresses the sockets are bound to, by local index; the port is the real one where 0 was asked.
    public private(set) var boundAddresses: [TransportAddress] = []
    /// Whether the kernel takes trains at all.
    public let hasGSO: Bool
    /// Whether trains may be received.
    public let hasGRO: Bool
    /// Receive buffer that the kernel granted to the first socket, in bytes.
    public let grantedReceiveBufferBytes: Int
    /// What the owner's clock does not count (``LoopClock/skipped``); times of arrival are on that clock.
    public var skippedTime = TimeDelta.zero
    /// What was done.
    public internal(set) var counters = PacketIOCounters()

    /// The kernel, or what a test has put in its place.
    var kernel = viaduct_real_kernel()
    /// Where trains are not sent whole, although the kernel knows them.
    var trainRefusals: TrainRefusals
    private var sockets: [UDPSocket] = []
    private var arrivalClock = ArrivalClock()
    /// When each socket was last seen empty.
    private let lastEmpty: UnsafeMutablePointer<Timestamp>
    let receiveScratch: UnsafeMutableRawPointer
    let sendScratch: UnsafeMutableRawPointer
    let received: UnsafeMutablePointer<viaduct_received>
    let outgoing: UnsafeMutablePointer<viaduct_outgoing>
    let singles: UnsafeMutablePointer<viaduct_outgoing>
    let kernelDrops: UnsafeMutablePointer<UInt32>

    /// Opens a socket on each of `addresses`, all on one port: that of the first address; 0 lets the kernel choose.
    public init(addresses: [TransportAddress], options: UDPPortOptions = UDPPortOptions()) throws(SystemError) {
        guard !addresses.isEmpty, addresses.count <= PacketIOLimits.localAddresses else {
            throw SystemError(call: "open a UDP port on \(addresses.count) addresses", errno: EINVAL)
        }
        try self.init(sockets: Self.openAll(addresses, options), options: options)
    }

    /// Takes sockets that are open, at least one and at most ``PacketIOLimits/localAddresses``; their order gives the
    /// local indexes.
    public init(sockets: [UDPSocket], options: UDPPortOptions = UDPPortOptions()) throws(SystemError) {
        guard let first = sockets.first, sockets.count <= PacketIOLimits.localAddresses else {
            throw SystemError(call: "make a UDP port of \(sockets.count) sockets", errno: EINVAL)
        }
        trainRefusals = TrainRefusals()
        hasGSO = options.usesGSO && viaduct_probe_gso(first.descriptor) == 0
        hasGRO = first.hasGRO
        grantedReceiveBufferBytes = first.grantedReceiveBufferBytes
        let batch = PacketIOLimits.sendMessages
        receiveScratch = .allocate(byteCount: viaduct_receive_scratch_bytes(), alignment: 16)
        sendScratch = .allocate(byteCount: viaduct_send_scratch_bytes(), alignment: 16)
        received = .allocate(capacity: batch)
        outgoing = .allocate(capacity: batch)
        singles = .allocate(capacity: batch)
        kernelDrops = .allocate(capacity: PacketIOLimits.localAddresses)
        lastEmpty = .allocate(capacity: PacketIOLimits.localAddresses)
        received.initialize(repeating: viaduct_received(), count: batch)
        outgoing.initialize(repeating: viaduct_outgoing(), count: batch)
        singles.initialize(repeating: viaduct_outgoing(), count: batch)
        kernelDrops.initialize(repeating: 0, count: PacketIOLimits.localAddresses)
        // A datagram may have come between the opening of the socket and now.
        lastEmpty.initialize(repeating: .zero, count: PacketIOLimits.localAddresses)
        for socket in sockets { append(socket) }
    }

    deinit {
        receiveScratch.deallocate()
        sendScratch.deallocate()
        received.deallocate()
        outgoing.deallocate()
        singles.deallocate()
        kernelDrops.deallocate()
        lastEmpty.deallocate()
    }

    /// Takes one more socket.
    /// - Returns: its local index; `nil` when the port is full.
    public mutating func add(_ socket: UDPSocket) -> Int? {
        guard sockets.count < PacketIOLimits.localAddresses else { return nil }
        append(socket)
        return sockets.count - 1
    }

    /// Puts a socket in the place of another, whose address is gone for good and which closes with this.
    public mutating func replace(local: Int, by socket: UDPSocket) {
        sockets[local] = socket
        descriptors[local] = socket.descriptor
        boundAddresses[local] = socket.local.address
        kernelDrops[local] = 0
        lastEmpty[local] = .zero
    }

    private mutating func append(_ socket: UDPSocket) {
        sockets.append(socket)
        descriptors.append(socket.descriptor)
        boundAddresses.append(socket.local.address)
    }

    /// Receives one batch from socket `local` and appends it to `slab`.
    /// - Returns: whether more may be waiting there: the batch was full, or the slab was.
    public mutating func receive(local: Int, into slab: inout ReceiveSlab) -> Bool {
        let wanted = min(PacketIOLimits.batchMessages, slab.messageCapacity - slab.messageCount)
        guard wanted > 0, slab.count < slab.capacity else { return true }
        let base = slab.buffer.baseAddress! + slab.messageCount * slab.slotStride
        let before = kernelDrops[local]
        let count = viaduct_kernel_receive(
            &kernel, descriptors[local], receiveScratch, base.assumingMemoryBound(to: UInt8.self), slab.slotStride,
            slab.slotBytes, Int32(wanted), received, kernelDrops + local)
        counters.receiveCalls += 1
        guard count > 0 else {
            if count == -EAGAIN {
                lastEmpty[local] = MonotonicClock.now() - skippedTime
            } else if count != -EINTR {
                counters.receiveErrors += 1
            }
            return count == -EINTR
        }
        let now = arrivalClock.read(skipped: skippedTime)
        counters.kernelDrops += UInt64(kernelDrops[local] &- before)
        counters.receivedMessages += UInt64(count)
        let datagramsBefore = slab.count
        for index in 0..<Int(count) { take(received + index, local: local, at: now, into: &slab) }
        counters.receivedDatagrams += UInt64(slab.count - datagramsBefore)
        if Int(count) < wanted { lastEmpty[local] = now }
        return Int(count) == wanted
    }

    @inline(__always)
    private mutating func take(
        _ message: UnsafeMutablePointer<viaduct_received>, local: Int, at now: Timestamp, into slab: inout ReceiveSlab
    ) {
        let byteCount = Int(message.pointee.byte_count)
        guard !message.pointee.is_truncated, let source = TransportAddress(message.pointee.source) else {
            counters.truncated += 1
            slab.skipSlot()
            return
        }
        counters.receivedBytes += UInt64(byteCount)
        let stamp = message.pointee.arrived_at
        let lost = slab.append(
            byteCount: byteCount, segmentBytes: Int(message.pointee.segment_bytes), source: source,
            local: UInt16(local), arrival: arrivalClock.arrival(stamp, notBefore: lastEmpty[local], now: now),
            stamp: stamp)
        counters.slabOverflow += UInt64(lost)
    }

    private static func openAll(
        _ addresses: [TransportAddress], _ options: UDPPortOptions
    ) throws(SystemError) -> [UDPSocket] {
        var attempt = 1
        // Ends: the attempts are counted.
        while true {
            do throws(SystemError) {
                return try openOnce(addresses, options)
            } catch {
                let mayRetry = addresses[0].port == 0 && addresses.count > 1 && error.errno == EADDRINUSE
                guard mayRetry, attempt < PacketIOLimits.ephemeralPortAttempts else { throw error }
                attempt += 1
            }
        }
    }

    private static func openOnce(
        _ addresses: [TransportAddress], _ options: UDPPortOptions
    ) throws(SystemError) -> [UDPSocket] {
        var sockets: [UDPSocket] = []
        for address in addresses {
            let port = sockets.first?.local.address.port ?? address.port
            sockets.append(try UDPSocket(LocalAddress(address.with(port: port)), options: options))
        }
        return sockets
    }
}

extension viaduct_address {
    @inline(__always)
    init(_ address: TransportAddress) {
        self.init(
            high: address.high, low: address.low, port: address.port, family: address.family.rawValue, scope: 0)
    }
}

extension TransportAddress {
    @inline(__always)
    init?(_ address: viaduct_address) {
        switch address.family {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: address.high >> 32), port: address.port)
        case 6: self.init(ipv6High: address.high, low: address.low, port: address.port)
        default: return nil
        }
    }
}
