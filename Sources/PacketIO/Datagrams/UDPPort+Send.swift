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
            while next < batch.messageCount, next - first < PacketIOLimits.batchMessages,
                batch.messages[next].destination.local == local
            {
                outgoing[next - first] = viaduct_outgoing(batch.messages[next])
                next += 1
            }
            guard Int(local) < descriptors.count else {
                for index in 0..<next - first { counters.droppedOther += UInt64(outgoing[index].segment_count) }
                continue
            }
            send(outgoing, next - first, base, descriptors[Int(local)], &refusals)
        }
        batch.removeAll()
    }

    /// Sends `count` messages, trains cut beforehand where the kernel does not do it.
    private mutating func send(
        _ messages: UnsafeMutablePointer<viaduct_outgoing>, _ count: Int, _ base: UnsafePointer<UInt8>, _ socket: Int32,
        _ refusals: inout Int
    ) {
        var done = 0
        // Ends: each turn takes at least one message.
        while done < count {
            if !hasGSO, messages[done].segment_count > 1 {
                sendSingles(messages[done], base, socket, &refusals)
                done += 1
                continue
            }
            var end = done + 1
            while end < count, hasGSO || messages[end].segment_count == 1 { end += 1 }
            let sent = viaduct_send(socket, sendScratch, base, messages + done, Int32(end - done))
            counters.sendCalls += 1
            if sent > 0 {
                for index in done..<done + Int(sent) { noteSent(messages[index]) }
                done += Int(sent)
                refusals = 0
            } else {
                let message = messages[done]
                if message.segment_count > 1, isTrainRefusal(-sent) {
                    sendSingles(message, base, socket, &refusals)
                } else if !retry(message, base, socket, error: -sent, &refusals) {
                    drop(message, error: -sent)
                }
                done += 1
            }
        }
    }

    /// Whether `error` says that the train as such was not wanted; remembers when no train ever will be.
    private mutating func isTrainRefusal(_ error: Int32) -> Bool {
        switch error {
        case EIO, EOPNOTSUPP, ENOPROTOOPT:
            // The device of this route cannot fill in checksums, so it cannot cut trains: it never will.
            hasGSO = false
        case EINVAL, EMSGSIZE:
            // One datagram of this train is longer than the route's MTU; single ones may be fragmented.
            break
        default:
            return false
        }
        counters.refusedTrains += 1
        return true
    }

    /// Tries once more when the kernel had no room for a moment. Waiting longer would hold up all other calls.
    private mutating func retry(
        _ message: viaduct_outgoing, _ base: UnsafePointer<UInt8>, _ socket: Int32, error: Int32, _ refusals: inout Int
    ) -> Bool {
        guard error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR else { return false }
        guard refusals < PacketIOLimits.consecutiveRefusals else { return false }
        var again = message
        counters.sendCalls += 1
        if viaduct_send(socket, sendScratch, base, &again, 1) == 1 {
            noteSent(message)
            refusals = 0
            return true
        }
        refusals += 1
        return false
    }

    /// Sends the datagrams of a train one by one.
    private mutating func sendSingles(
        _ train: viaduct_outgoing, _ base: UnsafePointer<UInt8>, _ socket: Int32, _ refusals: inout Int
    ) {
        var offset = train.offset
        let end = train.offset + train.byte_count
        // Ends: each turn takes at least one datagram of the train.
        while offset < end {
            var count = 0
            while offset < end, count < PacketIOLimits.batchMessages {
                let length = min(UInt32(train.segment_bytes), end - offset)
                singles[count] = viaduct_outgoing(
                    destination: train.destination, offset: offset, byte_count: length, segment_bytes: 0,
                    segment_count: 1)
                offset += length
                count += 1
            }
            send(singles, count, base, socket, &refusals)
        }
    }

    @inline(__always)
    private mutating func noteSent(_ message: viaduct_outgoing) {
        counters.sentMessages += 1
        counters.sentDatagrams += UInt64(message.segment_count)
        counters.sentBytes += UInt64(message.byte_count)
        if message.segment_count > 1 { counters.sentTrains += 1 }
    }

    private mutating func drop(_ message: viaduct_outgoing, error: Int32) {
        let datagrams = UInt64(message.segment_count)
        switch error {
        case EAGAIN, ENOBUFS, ENOMEM, EINTR: counters.droppedNoRoom += datagrams
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EPERM, EACCES, EADDRNOTAVAIL, ECONNREFUSED, EAFNOSUPPORT:
            counters.droppedUnreachable += datagrams
        case EMSGSIZE: counters.droppedTooLong += datagrams
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
