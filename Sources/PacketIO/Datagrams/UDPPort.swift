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
    /// Whether the kernel notes when each datagram arrived; read in a slab made for it.
    public var notesArrival = false
    /// Whether other sockets of this user may share the port (SO_REUSEPORT), one for each worker.
    public var reusesPort = false

    /// The defaults.
    public init() {}
}

/// One UDP port on several local addresses: a non-blocking socket each, received from and sent to in batches.
///
/// Owned by one thread. Nothing allocates after `init`.
public struct UDPPort: ~Copyable {
    /// The sockets, by local index, for a ``Poller``.
    public let descriptors: [Int32]
    /// The addresses the sockets are bound to, by local index; the port is the real one where 0 was asked.
    public let boundAddresses: [TransportAddress]
    /// Whether trains are sent whole; goes off for good when a device turns out not to be able to.
    public internal(set) var hasGSO: Bool
    /// Whether trains may be received.
    public let hasGRO: Bool
    /// Receive buffer that the kernel granted to the first socket, in bytes.
    public let grantedReceiveBufferBytes: Int
    /// What was done.
    public internal(set) var counters = PacketIOCounters()

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
        let (sockets, bound) = try Self.openAll(addresses, options)
        descriptors = sockets
        boundAddresses = bound
        var isGRO = options.usesGRO
        var granted: Int32 = 0
        for (index, socket) in sockets.enumerated() {
            let bytes = viaduct_set_buffer(socket, false, Int32(clamping: options.receiveBufferBytes))
            if index == 0 { granted = bytes }
            _ = viaduct_set_buffer(socket, true, Int32(clamping: options.sendBufferBytes))
            _ = viaduct_enable_drop_count(socket)
            if options.notesArrival { _ = viaduct_enable_arrival_time(socket) }
            if isGRO { isGRO = viaduct_enable_gro(socket) == 0 }
        }
        hasGRO = isGRO
        hasGSO = options.usesGSO && viaduct_probe_gso(sockets[0]) == 0
        grantedReceiveBufferBytes = Int(max(granted, 0))

        let batch = PacketIOLimits.batchMessages
        receiveScratch = .allocate(byteCount: viaduct_receive_scratch_bytes(), alignment: 16)
        sendScratch = .allocate(byteCount: viaduct_send_scratch_bytes(), alignment: 16)
        received = .allocate(capacity: batch)
        outgoing = .allocate(capacity: batch)
        singles = .allocate(capacity: batch)
        kernelDrops = .allocate(capacity: addresses.count)
        received.initialize(repeating: viaduct_received(), count: batch)
        outgoing.initialize(repeating: viaduct_outgoing(), count: batch)
        singles.initialize(repeating: viaduct_outgoing(), count: batch)
        kernelDrops.initialize(repeating: 0, count: addresses.count)
    }

    deinit {
        for socket in descriptors { close(socket) }
        receiveScratch.deallocate()
        sendScratch.deallocate()
        received.deallocate()
        outgoing.deallocate()
        singles.deallocate()
        kernelDrops.deallocate()
    }

    /// Receives one batch from socket `local` and appends it to `slab`.
    /// - Returns: whether more may be waiting there: the batch was full, or the slab was.
    public mutating func receive(local: Int, into slab: inout ReceiveSlab) -> Bool {
        let wanted = min(PacketIOLimits.batchMessages, slab.messageCapacity - slab.messageCount)
        guard wanted > 0, slab.count < slab.capacity else { return true }
        let base = slab.buffer.baseAddress! + slab.messageCount * slab.slotStride
        let before = kernelDrops[local]
        let count = viaduct_receive(
            descriptors[local], receiveScratch, base.assumingMemoryBound(to: UInt8.self), slab.slotStride,
            slab.slotBytes, Int32(wanted), received, kernelDrops + local)
        counters.receiveCalls += 1
        guard count > 0 else {
            if count != -EAGAIN, count != -EINTR { counters.receiveErrors += 1 }
            return count == -EINTR
        }
        counters.kernelDrops += UInt64(kernelDrops[local] &- before)
        counters.receivedMessages += UInt64(count)
        let datagramsBefore = slab.count
        for index in 0..<Int(count) { take(received + index, local: UInt16(local), into: &slab) }
        counters.receivedDatagrams += UInt64(slab.count - datagramsBefore)
        return Int(count) == wanted
    }

    @inline(__always)
    private mutating func take(
        _ message: UnsafeMutablePointer<viaduct_received>, local: UInt16, into slab: inout ReceiveSlab
    ) {
        let byteCount = Int(message.pointee.byte_count)
        guard !message.pointee.is_truncated, let source = TransportAddress(message.pointee.source) else {
            counters.truncated += 1
            slab.skipSlot()
            return
        }
        counters.receivedBytes += UInt64(byteCount)
        let lost = slab.append(
            byteCount: byteCount, segmentBytes: Int(message.pointee.segment_bytes), source: source, local: local,
            arrivedAt: message.pointee.arrived_at)
        counters.slabOverflow += UInt64(lost)
    }

    private static func openAll(
        _ addresses: [TransportAddress], _ options: UDPPortOptions
    ) throws(SystemError) -> ([Int32], [TransportAddress]) {
        var attempt = 1
        // Ends: the attempts are counted.
        while true {
            do {
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
    ) throws(SystemError) -> ([Int32], [TransportAddress]) {
        var sockets: [Int32] = []
        var bound: [TransportAddress] = []
        do throws(SystemError) {
            var port = addresses[0].port
            for address in addresses {
                let family = address.family.rawValue
                let socket = try SystemError.check(viaduct_udp_open(family), "socket for \(address)")
                sockets.append(socket)
                if options.reusesPort {
                    _ = try SystemError.check(viaduct_set_reuse_port(socket), "share port of \(address)")
                }
                var raw = viaduct_address(address.with(port: port))
                _ = try SystemError.check(viaduct_bind(socket, &raw), "bind UDP \(address.with(port: port))")
                _ = try SystemError.check(viaduct_bound_address(socket, &raw), "read the address of a socket")
                port = raw.port
                bound.append(address.with(port: port))
            }
        } catch {
            for socket in sockets { close(socket) }
            throw error
        }
        return (sockets, bound)
    }
}

extension viaduct_address {
    @inline(__always)
    init(_ address: TransportAddress) {
        self.init(high: address.high, low: address.low, port: address.port, family: address.family.rawValue)
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
