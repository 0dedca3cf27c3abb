// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CLinuxIO
import Glibc
import Primitives

@testable import PacketIO

/// The kernel below a port, played by the test: what it answers to each send and receive is written down beforehand.
final class FakeKernel {
    /// A message as the port gave it.
    struct Message: Equatable {
        var to: TransportAddress
        var segments: Int
        var bytes: [UInt8]
    }

    /// A datagram, or a train of them, that comes.
    struct Arrival {
        var bytes: [UInt8]
        var from = TransportAddress(ipv4: 0xC000_0201, port: 4_000)
        var segmentBytes: UInt32 = 0
        /// Nanoseconds since 1970.
        var stamp: Int64 = 0
        var isTruncated = false
    }

    /// What a call answers.
    enum Answer {
        case error(Int32)
        /// So many of the messages are taken, or all there are.
        case takes(Int)
        case gives([Arrival])
        /// The count of datagrams dropped on full buffers, told beside an arrival.
        case givesWithDrops([Arrival], UInt32)
    }

    /// Answers in order; afterwards every send is taken and nothing comes.
    var sendAnswers: [Answer] = []
    var receiveAnswers: [Answer] = []
    /// Answers that depend on the message; first in line when there are any.
    var refuses: ((Message) -> Int32?)?
    /// What was taken, in order.
    private(set) var taken: [Message] = []
    private(set) var sendCalls = 0
    /// Messages that those calls offered; one that is offered twice counts twice.
    private(set) var described = 0

    /// Puts itself below `port`, which it must outlive.
    func install(below port: inout UDPPort) {
        port.kernel = viaduct_kernel(
            context: Unmanaged.passUnretained(self).toOpaque(),
            receive: { context, _, _, base, stride, slotBytes, count, out, drops in
                guard let kernel = FakeKernel.from(context), let base, let out, let drops else { return -EFAULT }
                return kernel.receive(base, stride, slotBytes, Int(count), out, drops)
            },
            send: { context, _, _, base, messages, count in
                guard let kernel = FakeKernel.from(context), let base, let messages else { return -EFAULT }
                return kernel.send(base, messages, Int(count))
            })
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> FakeKernel? {
        context.map { Unmanaged<FakeKernel>.fromOpaque($0).takeUnretainedValue() }
    }

    private func send(
        _ base: UnsafePointer<UInt8>, _ messages: UnsafePointer<viaduct_outgoing>, _ count: Int
    ) -> Int32 {
        sendCalls += 1
        described += count
        let offered = (0..<count).compactMap { index -> Message? in
            let message = messages[index]
            guard let to = TransportAddress(message.destination) else { return nil }
            let bytes = UnsafeBufferPointer(start: base + Int(message.offset), count: Int(message.byte_count))
            return Message(to: to, segments: Int(message.segment_count), bytes: Array(bytes))
        }
        if let refuses {
            // As sendmmsg: what stands before the refused one is taken, the error comes with the next call.
            var accepted = 0
            for message in offered {
                if let error = refuses(message) { return accepted > 0 ? Int32(accepted) : -error }
                taken.append(message)
                accepted += 1
            }
            return Int32(accepted)
        }
        switch sendAnswers.isEmpty ? .takes(count) : sendAnswers.removeFirst() {
        case .error(let error): return -error
        case .takes(let number):
            taken += offered.prefix(number)
            return Int32(min(number, count))
        case .gives, .givesWithDrops: return -EFAULT
        }
    }

    private func receive(
        _ base: UnsafeMutablePointer<UInt8>, _ stride: Int, _ slotBytes: Int, _ count: Int,
        _ out: UnsafeMutablePointer<viaduct_received>, _ drops: UnsafeMutablePointer<UInt32>
    ) -> Int32 {
        switch receiveAnswers.isEmpty ? .error(EAGAIN) : receiveAnswers.removeFirst() {
        case .error(let error): return -error
        case .takes: return -EFAULT
        case .givesWithDrops(let arrivals, let total):
            drops.pointee = total
            return fill(arrivals, base, stride, slotBytes, count, out)
        case .gives(let arrivals): return fill(arrivals, base, stride, slotBytes, count, out)
        }
    }

    private func fill(
        _ arrivals: [Arrival], _ base: UnsafeMutablePointer<UInt8>, _ stride: Int, _ slotBytes: Int, _ count: Int,
        _ out: UnsafeMutablePointer<viaduct_received>
    ) -> Int32 {
        for (index, arrival) in arrivals.prefix(count).enumerated() {
            let bytes = arrival.bytes.prefix(slotBytes)
            for (at, byte) in bytes.enumerated() { base[index * stride + at] = byte }
            out[index] = viaduct_received(
                source: viaduct_address(arrival.from), byte_count: UInt32(bytes.count),
                segment_bytes: arrival.segmentBytes, arrived_at: arrival.stamp, is_truncated: arrival.isTruncated)
        }
        return Int32(min(arrivals.count, count))
    }
}
