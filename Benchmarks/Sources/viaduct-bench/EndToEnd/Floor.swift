// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import OpenSSL
import PacketIO
import Primitives
import SRTP
import Synchronization

/// The least any bridge could do: encrypts and sends the packets of a scenario at their pace, in the run lengths in
/// which a bridge would, and nothing else. No receiving, no parsing, no decryption, no bookkeeping.
struct Floor: ~Copyable {
    private let scenario: Scenario
    private var port: UDPPort
    private var batch = EgressBatch(bytes: 1 << 20, messages: 1_024)
    private var senders: [OurSender] = []
    private let targets: [Destination]
    private let payload: UnsafeMutableRawBufferPointer
    private var random = Random(seed: 11)
    private var sequence: UInt16 = 0
    private var sent: UInt64 = 0
    /// For each flush of the scenario's main medium: how long after its packets were due it was over, and how many.
    private var transits: [(milliseconds: Double, packets: UInt64)] = []
    private var sentBefore: UInt64 = 0
    /// As the bridge does (`ConferencingLimits.egressBytes`).
    private static let egressBytes = 131_072

    init(_ scenario: Scenario, targets: [TransportAddress]) throws(SystemError) {
        self.scenario = scenario
        port = try UDPPort(addresses: [TransportAddress(ipv4: 0x7F00_0001, port: 0)])
        batch.joinsSegments = port.hasGSO
        self.targets = targets.map { Destination(remote: $0, local: 0) }
        for _ in targets {
            let key = SecureRandom.bytes(16)
            let salt = SecureRandom.bytes(12)
            // By the engine that the bridge chooses, too.
            let settings = SRTPSettings(engine: SRTPBenchmarks.engines.last ?? .evp)
            senders.append(
                OurSender(SRTPSender(profile: .aeadAES128GCM, key: key, salt: salt, settings: settings)))
        }
        payload = .allocate(byteCount: 1_600, alignment: 64)
        payload.initializeMemory(as: UInt8.self, repeating: 0x5A)
    }

    deinit {
        payload.deallocate()
    }

    /// Runs at the scenario's pace.
    /// - Returns: processor time per packet, in microseconds, and the time after which 99 of 100 packets were sent, in
    ///   milliseconds.
    mutating func run(seconds: Double) throws(SystemError) -> (cost: Double, p99: Double) {
        var poller = try Poller()
        let events = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 1)
        defer { events.deallocate() }
        let begin = MonotonicClock.now()
        let end = begin + .seconds(seconds)
        let frame = TimeDelta.nanoseconds(1_000_000_000 / 30)
        var audioDue = Self.spread(scenario.audioSenders, over: .milliseconds(20), from: begin)
        var frameDue = Self.spread(scenario.videoSenders, over: frame, from: begin + .milliseconds(7))
        let before = threadNanoseconds()
        var now = begin
        while now < end {
            for sender in 0..<scenario.audioSenders where audioDue[sender] <= now {
                audioDue[sender] = audioDue[sender] + .milliseconds(20)
                sendToAll(but: sender, packets: 1, bytes: 116, counts: scenario.videoSenders == 0)
            }
            for sender in 0..<scenario.videoSenders where frameDue[sender] <= now {
                frameDue[sender] = frameDue[sender] + frame
                // Ordinary frames of ±20 %, split evenly: what viaduct-load sends, made equal as the bridge does.
                let mean = Double(scenario.videoBitrate) / 8 / 30
                let bytes = Int(mean * (0.8 + 0.4 * random.fraction()))
                let packets = (bytes + 1_165) / 1_166
                sendToAll(but: sender, packets: packets, bytes: (bytes + packets - 1) / packets + 6, counts: true)
            }
            let next = min(audioDue.min() ?? end, frameDue.min() ?? end)
            now = MonotonicClock.now()
            _ = poller.wait(until: next, now: now, into: events)
            now = MonotonicClock.now()
        }
        return (Double(threadNanoseconds() - before) / 1_000 / Double(max(sent, 1)), percentile99())
    }

    /// When each of `count` senders begins.
    private static func spread(_ count: Int, over interval: TimeDelta, from begin: Timestamp) -> [Timestamp] {
        (0..<count).map { begin + .nanoseconds(interval.nanoseconds * Int64($0) / Int64(count)) }
    }

    private func percentile99() -> Double {
        let total = transits.reduce(0) { $0 + $1.packets }
        var left = total / 100
        for transit in transits.sorted(by: { $0.milliseconds > $1.milliseconds }) {
            if transit.packets > left { return transit.milliseconds }
            left -= transit.packets
        }
        return 0
    }

    /// A run of packets for everybody but the sender.
    private mutating func sendToAll(but sender: Int, packets: Int, bytes: Int, counts: Bool) {
        let begin = MonotonicClock.now()
        for receiver in 0..<targets.count where receiver != sender {
            if batch.byteCount >= Self.egressBytes { flush(since: begin, counts: counts) }
            for index in 0..<packets {
                guard let slot = batch.reserve() else { continue }
                writeHeader(slot, sequence &+ UInt16(index), ssrc: UInt32(sender))
                let plain = UnsafeRawBufferPointer(rebasing: payload[0..<bytes])
                guard let total = senders[receiver].sender.protectRTP(slot: slot, headerBytes: 12, payload: plain)
                else { continue }
                batch.commit(total, to: targets[receiver])
                sent += 1
            }
        }
        sequence &+= UInt16(packets)
        flush(since: begin, counts: counts)
    }

    private mutating func flush(since begin: Timestamp, counts: Bool) {
        port.flush(&batch)
        if counts { transits.append(((MonotonicClock.now() - begin).seconds * 1_000, sent - sentBefore)) }
        sentBefore = sent
    }

    private func writeHeader(_ slot: UnsafeMutableRawBufferPointer, _ sequence: UInt16, ssrc: UInt32) {
        slot[0] = 0x80
        slot[1] = 100
        slot.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        slot.storeBytes(of: UInt32(0), toByteOffset: 4, as: UInt32.self)
        slot.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
    }
}

/// Sockets that are emptied by a thread of their own, as the participants' are.
final class Sink: Sendable {
    let addresses: [TransportAddress]
    private let isEnding = Atomic<Bool>(false)
    private let thread = Mutex<PinnedThread?>(nil)

    init(sockets: Int) throws(SystemError) {
        let ports = SinkPorts()
        var addresses: [TransportAddress] = []
        for _ in 0..<sockets {
            let port = try UDPPort(addresses: [TransportAddress(ipv4: 0x7F00_0001, port: 0)])
            addresses.append(port.boundAddresses[0])
            ports.boxes.append(SinkPort(port))
        }
        self.addresses = addresses
        // Off the first processor, as viaduct-load is kept, because the bridge's worker stays there.
        let cpu = Bed.processors > 1 ? 1 : nil
        let started = try PinnedThread.start(name: "sink", cpu: cpu) { [self] in drain(ports) }
        thread.withLock { $0 = started }
    }

    /// Ends the thread.
    func end() {
        isEnding.store(true, ordering: .relaxed)
        thread.withLock { $0?.join() }
    }

    private func drain(_ ports: SinkPorts) {
        guard var poller = try? Poller() else { return }
        for (index, box) in ports.boxes.enumerated() {
            try? poller.add(descriptor: box.port.descriptors[0], token: UInt64(index))
        }
        var slab = ReceiveSlab()
        let events = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 128)
        defer { events.deallocate() }
        while !isEnding.load(ordering: .relaxed) {
            // As viaduct-load does: nobody is woken by what arrives.
            usleep(1_000)
            var count = events.count
            // Ends: a look that does not fill the list has seen everything.
            while count == events.count {
                count = poller.wait(until: .zero, now: .zero, into: events)
                for index in 0..<count {
                    slab.removeAll()
                    _ = ports.boxes[Int(events[index].token)].port.receive(local: 0, into: &slab)
                }
            }
        }
    }
}

// Handed over to the sink's thread, which alone uses it.
private final class SinkPorts: @unchecked Sendable {
    var boxes: [SinkPort] = []
}

private final class SinkPort {
    var port: UDPPort
    init(_ port: consuming UDPPort) { self.port = port }
}
