// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Conferencing
public import PacketIO
public import Primitives
public import ShardMessages
import Synchronization
public import Telemetry

/// A media worker as the control plane sees it: a mailbox each way, counters, a thread behind them.
///
/// Starting opens the UDP port before anything else happens, so that every error shows at once. All methods but
/// ``stop()`` are for the control thread alone.
public final class MediaWorker: Sendable {
    /// What a worker is made from.
    public struct Configuration: Sendable {
        /// The addresses to bind, all with the media port.
        public var addresses: [TransportAddress]
        /// Socket options.
        public var port = UDPPortOptions()
        /// The shard's settings; the addresses are filled in from the bound sockets.
        public var shard = ShardSettings(localAddresses: [])
        /// Age at which the certificate is replaced for new sessions (media-plane.md 2).
        public var certificateAge = MediaPlaneLimits.certificateAge
        /// The processor the thread stays on; `nil` leaves it to the kernel.
        public var cpu: Int?

        /// A worker on these addresses with JVB's defaults.
        public init(addresses: [TransportAddress]) {
            self.addresses = addresses
        }
    }

    /// The addresses the sockets were bound to at the start; the index is the socket's number.
    public let boundAddresses: [TransportAddress]
    /// Whether the kernel takes trains of equal datagrams on send.
    public let hasGSO: Bool
    /// Whether it gives them on receive.
    public let hasGRO: Bool
    /// `SO_RCVBUF` as granted, in bytes.
    public let grantedReceiveBufferBytes: Int
    /// What the worker counts.
    public let counters: CounterBlock
    /// Becomes readable when events or packets of data channels wait.
    public let eventsWake: WakeUp
    let mailboxes: Mailboxes
    private let thread: PinnedThread

    /// The rings and the two wake-ups.
    final class Mailboxes: Sendable {
        let commands = SPSCRing<ShardCommand>(capacity: ShardMessagesLimits.commandRing)
        let events = SPSCRing<ShardEvent>(capacity: ShardMessagesLimits.eventRing)
        /// Packets of data channels, from clients and to them, tagged with the endpoint's number.
        let recordsIn = RecordRing(capacity: ConferencingLimits.channelRingBytes)
        let recordsOut = RecordRing(capacity: ConferencingLimits.channelRingBytes)
        let wake: WakeUp
        let eventsWake: WakeUp
        /// Sockets that the control plane has opened since the start.
        let sockets = SPSCRing<SocketChange>(capacity: MediaPlaneLimits.socketRing)
        /// Peers towards which trains are not sent whole.
        let trainRefusals = SPSCRing<TransportAddress>(capacity: MediaPlaneLimits.trainRefusalRing)
        let isStopping = Atomic<Bool>(false)

        init() throws(SystemError) {
            wake = try WakeUp()
            eventsWake = try WakeUp()
        }
    }

    /// A socket for the port.
    struct SocketChange: Sendable {
        let socket: UDPSocket
        /// Its number: the next one, or that of a socket whose place it takes.
        let local: Int
    }

    /// What is known of the port before its owner moves into the thread.
    private struct Facts {
        let boundAddresses: [TransportAddress]
        let hasGSO: Bool
        let hasGRO: Bool
        let grantedReceiveBufferBytes: Int

        init(_ loop: borrowing WorkerLoop) {
            boundAddresses = loop.port.boundAddresses
            hasGSO = loop.port.hasGSO
            hasGRO = loop.port.hasGRO
            grantedReceiveBufferBytes = loop.port.grantedReceiveBufferBytes
        }
    }

    private init(_ facts: Facts, mailboxes: Mailboxes, counters: CounterBlock, thread: PinnedThread) {
        boundAddresses = facts.boundAddresses
        hasGSO = facts.hasGSO
        hasGRO = facts.hasGRO
        grantedReceiveBufferBytes = facts.grantedReceiveBufferBytes
        self.counters = counters
        self.mailboxes = mailboxes
        eventsWake = mailboxes.eventsWake
        self.thread = thread
    }

    /// Carries the loop into its thread: written once before the thread starts, emptied once inside it.
    private final class Handover: @unchecked Sendable {
        // Safe: the thread is created after the write, which orders the two.
        var loop: WorkerLoop?

        init(_ loop: consuming WorkerLoop) {
            self.loop = consume loop
        }
    }

    /// Opens the port on all addresses of the configuration, makes the certificate and starts the thread.
    /// - Throws: what the kernel said, with the call that it said it to.
    public static func start(_ configuration: Configuration) throws(SystemError) -> MediaWorker {
        try start(configuration, port: UDPPort(addresses: configuration.addresses, options: configuration.port))
    }

    /// Takes sockets that are open, in place of the configuration's addresses.
    /// - Throws: what the kernel said, with the call that it said it to.
    public static func start(
        _ configuration: Configuration, sockets: [UDPSocket]
    ) throws(SystemError) -> MediaWorker {
        try start(configuration, port: UDPPort(sockets: sockets, options: configuration.port))
    }

    private static func start(
        _ configuration: Configuration, port: consuming UDPPort
    ) throws(SystemError) -> MediaWorker {
        let mailboxes = try Mailboxes()
        let counters = CounterBlock()
        let loop = try WorkerLoop.make(configuration, port: port, mailboxes: mailboxes, counters: counters)
        let facts = Facts(loop)
        let handover = Handover(loop)
        let thread = try PinnedThread.start(
            name: "media-\(configuration.shard.worker)", cpu: configuration.cpu
        ) {
            guard var loop = handover.loop.take() else { return }
            loop.run()
        }
        return MediaWorker(facts, mailboxes: mailboxes, counters: counters, thread: thread)
    }

    /// Sends a command.
    /// - Returns: `false` when the ring is full: the worker is overwhelmed, answer the request with an error.
    public func send(_ command: ShardCommand) -> Bool {
        guard mailboxes.commands.push(command) else { return false }
        if mailboxes.commands.needsWake() { mailboxes.wake.wake() }
        return true
    }

    /// Sends a packet of an endpoint's data channel; see `ShardHost.sendRecord(_:to:at:into:)`.
    /// - Returns: `false` when the ring is full: try again a little later.
    public func send(record: RawSpan, to endpoint: EndpointNumber) -> Bool {
        guard mailboxes.recordsOut.push(tag: endpoint.value, record) else { return false }
        if mailboxes.recordsOut.needsWake() { mailboxes.wake.wake() }
        return true
    }

    /// Reads the oldest packet of a data channel that was not taken yet, in place.
    /// - Returns: `false` when there is none.
    public func takeRecord(_ body: (_ endpoint: EndpointNumber, _ record: RawSpan) -> Void) -> Bool {
        mailboxes.recordsIn.pop { tag, record in body(EndpointNumber(tag), record) }
    }

    /// Whether the worker has taken all sockets that it was given: there is room for as many as a port holds.
    public var hasTakenSockets: Bool { mailboxes.sockets.freeCount() == MediaPlaneLimits.socketRing }

    /// Gives the worker one more socket. Sessions made from now on use its address too.
    /// - Parameter local: the number of the socket: that of the next one, or of one whose address the machine has no
    ///   more and which closes.
    /// - Returns: `false` when too many wait already.
    public func listen(on socket: UDPSocket, as local: Int) -> Bool {
        guard mailboxes.sockets.push(SocketChange(socket: socket, local: local)) else { return false }
        mailboxes.wake.wake()
        return true
    }

    /// A peer towards which the kernel cuts no trains, so that it gets single datagrams; each is told once, as far as
    /// there is room for them.
    public func nextTrainRefusal() -> TransportAddress? { mailboxes.trainRefusals.pop() }

    /// The oldest event that was not taken yet.
    public func nextEvent() -> ShardEvent? { mailboxes.events.pop() }

    /// Call before waiting for ``eventsWake``.
    /// - Parameter records: whether packets of data channels wake, too.
    /// - Returns: `false` when some of what wakes arrived meanwhile: take it first.
    public func parkEvents(records: Bool) -> Bool {
        let hasNoEvents = mailboxes.events.park()
        return (!records || mailboxes.recordsIn.park()) && hasNoEvents
    }

    /// Call after waiting.
    public func unparkEvents() {
        mailboxes.events.unpark()
        mailboxes.recordsIn.unpark()
        eventsWake.drain()
    }

    /// Makes the loop turn once although there is nothing to do, so that ``MediaCounter/loopTurns`` grows.
    public func nudge() { mailboxes.wake.wake() }

    /// Ends the loop and waits for the thread. A second call does nothing.
    public func stop() {
        mailboxes.isStopping.store(true, ordering: .sequentiallyConsistent)
        mailboxes.wake.wake()
        thread.join()
    }
}
