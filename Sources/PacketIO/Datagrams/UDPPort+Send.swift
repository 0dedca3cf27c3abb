// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
public import Primitives

extension UDPPort {
    /// Sends everything in `batch` and empties it. Never blocks: what the kernel does not take is dropped and counted.
    ///
    /// Messages leave in order per socket; neighbours on the same socket share a system call.
    public mutating func flush(_ batch: inout EgressBatch) {
        guard batch.messageCount > 0 else { return }
        let base = UnsafePointer(batch.buffer.baseAddress!.assumingMemoryBound(to: UInt8.self))
        var next = 0
        var refusals = 0
        // Ends: each turn takes at least one message.
        while next < batch.messageCount {
            let local = batch.messages[next].destination.local
            let first = next
            while next < batch.messageCount, next - first < PacketIOLimits.sendMessages,
                batch.messages[next].destination.local == local
            {
                outgoing[next - first] = viaduct_outgoing(batch.messages[next])
                next += 1
            }
            guard Int(local) < descriptors.count else {
                for index in 0..<next - first { counters.droppedOther += UInt64(outgoing[index].segment_count) }
                continue
            }
            send(outgoing, next - first, base, local, &refusals)
        }
        batch.removeAll()
    }

    /// Sends `count` messages, trains cut beforehand where the kernel or the way does not do it.
    private mutating func send(
        _ messages: UnsafeMutablePointer<viaduct_outgoing>, _ count: Int, _ base: UnsafePointer<UInt8>, _ local: UInt16,
        _ refusals: inout Int
    ) {
        let socket = descriptors[Int(local)]
        // Read only when a way is known to refuse trains: nearly never.
        let now = trainRefusals.isEmpty ? .zero : MonotonicClock.now()
        var done = 0
        var offered = PacketIOLimits.sendMessages
        // Ends: each turn takes at least one message.
        while done < count {
            if isCut(messages[done], local, at: now) {
                sendSingles(messages[done], base, local, &refusals)
                done += 1
                continue
            }
            var end = done + 1
            while end < count, end - done < offered, !isCut(messages[end], local, at: now) { end += 1 }
            let sent = viaduct_kernel_send(&kernel, socket, sendScratch, base, messages + done, Int32(end - done))
            counters.sendCalls += 1
            // Every call describes anew what it offers: where many are refused, fewer are offered at a time.
            let isWhole = Int(sent) == end - done
            offered =
                isWhole
                ? min(2 * offered, PacketIOLimits.sendMessages)
                : max(Int(sent), PacketIOLimits.sendMessagesAfterRefusal)
            if sent > 0 {
                for index in done..<done + Int(sent) { noteSent(messages[index], local) }
                done += Int(sent)
                refusals = 0
            } else {
                done += handle(messages + done, count - done, base, local, error: -sent, &refusals)
            }
        }
    }

    /// Whether `message` is a train that is not handed over whole.
    @inline(__always)
    private func isCut(_ message: viaduct_outgoing, _ local: UInt16, at now: Timestamp) -> Bool {
        guard message.segment_count > 1 else { return false }
        guard hasGSO else { return true }
        guard !trainRefusals.isEmpty, let remote = TransportAddress(message.destination) else { return false }
        return trainRefusals.contains(Destination(remote: remote, local: local), at: now)
    }

    /// The kernel refused the first of `count` messages.
    /// - Returns: how many of them are done with.
    private mutating func handle(
        _ messages: UnsafeMutablePointer<viaduct_outgoing>, _ count: Int, _ base: UnsafePointer<UInt8>, _ local: UInt16,
        error: Int32, _ refusals: inout Int
    ) -> Int {
        let message = messages[0]
        if message.segment_count > 1, isTrainRefusal(error, of: message, local) {
            sendSingles(message, base, local, &refusals)
            return 1
        }
        if retry(message, base, local, error: error, &refusals) { return 1 }
        drop(message, error: error)
        guard Self.isOfTheWay(error) else { return 1 }
        // What follows for the same destination would only be refused as well, at the price of a call each.
        var done = 1
        while done < count, messages[done].segment_count == 1, isSameWay(messages[done], message) {
            drop(messages[done], error: error)
            done += 1
        }
        return done
    }

    private func isSameWay(_ a: viaduct_outgoing, _ b: viaduct_outgoing) -> Bool {
        a.destination.high == b.destination.high && a.destination.low == b.destination.low
            && a.destination.family == b.destination.family
    }

    /// Whether `error` says that the train as such was not wanted; remembers ways that cut none.
    private mutating func isTrainRefusal(_ error: Int32, of message: viaduct_outgoing, _ local: UInt16) -> Bool {
        switch error {
        case EIO, EOPNOTSUPP, ENOPROTOOPT:
            // The device of this way cannot fill in checksums, so it cannot cut trains.
            if let remote = TransportAddress(message.destination) {
                trainRefusals.insert(Destination(remote: remote, local: local), at: MonotonicClock.now())
            }
        case EINVAL, EMSGSIZE:
            // One datagram of this train is longer than the route's MTU; single ones may be fragmented.
            break
        default:
            return false
        }
        counters.refusedTrains += 1
        return true
    }

    /// A way that does not take trains, which was not told yet. Each is told once.
    public mutating func nextTrainRefusal() -> Destination? { trainRefusals.nextUntold() }

    /// Tries once more when the kernel had no room for a moment. Waiting longer would hold up all other calls.
    private mutating func retry(
        _ message: viaduct_outgoing, _ base: UnsafePointer<UInt8>, _ local: UInt16, error: Int32, _ refusals: inout Int
    ) -> Bool {
        guard error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR else { return false }
        guard refusals < PacketIOLimits.consecutiveRefusals else { return false }
        var again = message
        counters.sendCalls += 1
        if viaduct_kernel_send(&kernel, descriptors[Int(local)], sendScratch, base, &again, 1) == 1 {
            noteSent(message, local)
            refusals = 0
            return true
        }
        refusals += 1
        return false
    }

    /// Sends the datagrams of a train one by one.
    private mutating func sendSingles(
        _ train: viaduct_outgoing, _ base: UnsafePointer<UInt8>, _ local: UInt16, _ refusals: inout Int
    ) {
        var offset = train.offset
        let end = train.offset + train.byte_count
        // Ends: each turn takes at least one datagram of the train.
        while offset < end {
            var count = 0
            while offset < end, count < PacketIOLimits.sendMessages {
                let length = min(UInt32(train.segment_bytes), end - offset)
                singles[count] = viaduct_outgoing(
                    destination: train.destination, offset: offset, byte_count: length, segment_bytes: 0,
                    segment_count: 1)
                offset += length
                count += 1
            }
            send(singles, count, base, local, &refusals)
        }
    }

    @inline(__always)
    private mutating func noteSent(_ message: viaduct_outgoing, _ local: UInt16) {
        counters.sentMessages += 1
        counters.sentDatagrams += UInt64(message.segment_count)
        counters.sentBytes += UInt64(message.byte_count)
        guard message.segment_count > 1 else { return }
        counters.sentTrains += 1
        if !trainRefusals.isEmpty, let remote = TransportAddress(message.destination) {
            trainRefusals.remove(Destination(remote: remote, local: local))
        }
    }

    /// Whether `error` will meet every datagram to the same destination: no way there, or our own address is gone.
    private static func isOfTheWay(_ error: Int32) -> Bool {
        switch error {
        case EINVAL, ENETUNREACH, EHOSTUNREACH, ENETDOWN, EPERM, EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, ENODEV: true
        default: false
        }
    }

    private mutating func drop(_ message: viaduct_outgoing, error: Int32) {
        let datagrams = UInt64(message.segment_count)
        switch error {
        case EAGAIN, ENOBUFS, ENOMEM, EINTR: counters.droppedNoRoom += datagrams
        case EMSGSIZE: counters.droppedTooLong += datagrams
        case ECONNREFUSED: counters.droppedUnreachable += datagrams
        case _ where Self.isOfTheWay(error): counters.droppedUnreachable += datagrams
        default: counters.droppedOther += datagrams
        }
    }
}

extension viaduct_outgoing {
    @inline(__always)
    init(_ message: EgressMessage) {
        let isTrain = message.segmentCount > 1
        self.init(
            destination: viaduct_address(message.destination.remote),
            offset: UInt32(message.offset),
            byte_count: UInt32(message.byteCount),
            segment_bytes: isTrain ? UInt16(message.segmentBytes) : 0,
            segment_count: UInt16(message.segmentCount))
    }
}
