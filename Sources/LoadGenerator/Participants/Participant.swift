// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import DTLS
internal import ICE
internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import Synchronization

/// All that a media thread needs to let somebody join.
struct JoinOrder: Sendable {
    var planned: PlannedParticipant
    var bridge: BridgeTransport
    var local: ParticipantTransport
    /// Local address, port 0.
    var address: TransportAddress
    var askedAt: Timestamp
    /// Where its bridge channel is, if that is a WebSocket.
    var webSocket: WebSocketTarget?
}

/// What the participants of one media thread share.
struct LoopContext {
    let options: LoadOptions
    let identity: DTLSIdentity
    let frames: OpusFrames
    var statistics = LoopStatistics()
    /// One batch for everybody: it is flushed before the next participant writes.
    var batch = EgressBatchBox()
    var isSending = true
    /// Who talks when.
    var script: SpeakerScript
    /// How long the bridge may take to open a channel.
    let channelTimeout: TimeDelta
    /// When the datagram being handled arrived at the kernel, in nanoseconds of the monotonic clock.
    var arrivedAt: Int64 = 0
    /// How long the thread was not run though it wanted to, all in all, in nanoseconds.
    var stalled: Int64 = 0

    init(options: LoadOptions, identity: DTLSIdentity, frames: OpusFrames) {
        self.options = options
        self.identity = identity
        self.frames = frames
        script = SpeakerScript(options)
        channelTimeout = min(LoadGeneratorLimits.channelTimeout, .seconds(options.joinTimeoutSeconds))
    }
}

/// Holds the noncopyable batch where a struct can carry it.
final class EgressBatchBox {
    var batch = EgressBatch(bytes: 1 << 18, messages: 128)
}

/// One synthetic browser: its socket, ICE, DTLS, SRTP, what it sends and what it has seen of the others.
///
/// Belongs to one media thread. ICE and DTLS are the bridge's cores, SRTP is libsrtp2.
final class Participant {
    let planned: PlannedParticipant
    let conference: PlannedConference
    /// The socket, for the poller.
    let descriptor: Int32
    private(set) var isConnected = false
    private(set) var hasFailed = false

    var port: UDPPort
    var ice: ICEAgent
    var dtls: DTLSTransport
    var outbound: SRTPContext?
    var inbound: SRTPContext?
    var destination: Destination?
    private var hasStartedDTLS = false
    let askedAt: Timestamp
    private let isPassive: Bool
    /// Addresses of the bridge that can be tried.
    private let targets: [TransportAddress]
    let cname: String

    var audio: AudioSender?
    /// The encodings of our video, the smallest first.
    var videos: [VideoSender] = []
    var transportWide: UInt16 = 0
    let trackers: UnsafeMutablePointer<StreamTracker>
    /// Under which SSRCs the others' streams come.
    var slots: SlotBook
    /// What came of each video source, by the place of its sender; empty where pictures are not judged.
    var judges: [PictureJudge] = []
    /// What is missing of each; empty where nothing is asked for again.
    var gaps: [GapList] = []
    /// Between a request and what it brings.
    var roundTrip = LoadGeneratorLimits.firstRoundTrip
    /// When missing packets are asked for.
    var repairDue: Timestamp?
    /// What we lose on purpose.
    var lossUp: LossGate
    var lossDown: LossGate
    /// Audio packets lost by that instead of received.
    var lostAudio: UInt64 = 0
    var recorder = TransportWideRecorder()
    var feedbackDue: Timestamp?
    var feedbackMedia: UInt32 = 0
    var receiverReportDue: Timestamp?
    var pictureRequestDue: Timestamp?
    var connectedAt = Timestamp.zero
    var random: Random

    /// What is said on the bridge channel, and what carries it: at most one of the two.
    var channel: ChannelClient?
    var dataChannel: DataChannelCarrier?
    var webSocket: WebSocketConnection?
    var channelState = ChannelState.absent
    var isChannelOpen = false
    var channelDeadline: Timestamp?
    /// What the WebSocket's socket is watched for.
    var socketWatch = SocketWatch.nothing

    init(_ order: JoinOrder, _ context: borrowing LoopContext, at now: Timestamp) throws(SystemError) {
        planned = order.planned
        conference = order.planned.conference
        slots = SlotBook(conference, isActive: context.options.isRewriting)
        askedAt = order.askedAt
        isPassive = context.options.isPassive
        cname = "load\(order.planned.number)"
        random = Random(seed: context.options.seed &+ UInt64(order.planned.number) &* 0x9E37_79B9)
        lossUp = LossGate(percent: context.options.lossUp, seed: random.next())
        lossDown = LossGate(percent: context.options.lossDown, seed: random.next())
        var udp = UDPPortOptions()
        udp.usesGSO = context.options.usesGSO
        udp.receiveBufferBytes = 4 << 20
        udp.sendBufferBytes = 1 << 20
        udp.notesArrival = true
        port = try UDPPort(addresses: [order.address], options: udp)
        descriptor = port.descriptors[0]
        let settings = ICEAgent.Settings(
            localUfrag: order.local.ufrag, localPassword: order.local.password, isControlling: false,
            tieBreaker: random.next(), localAddresses: port.boundAddresses)
        ice = ICEAgent(settings, random: Random(seed: random.next()), at: now)
        dtls = DTLSTransport(identity: context.identity, profiles: Self.profiles(context.options.profile), at: now)
        if context.options.channel != .none {
            channel = ChannelClient(
                order.planned, isSCTP: context.options.channel == .sctp, messageRate: context.options.messageRate,
                verification: context.options.verification, constraints: context.options.constraints)
            channelState = .waiting
        }
        trackers = .allocate(capacity: max(conference.streams.count, 1))
        trackers.initialize(repeating: StreamTracker(), count: max(conference.streams.count, 1))

        dtls.addFingerprints(order.bridge.fingerprints.map { ($0.hash, $0.digest) })
        let candidates = order.bridge.candidates.filter { $0.address.family == order.address.family }
        targets = candidates.map(\.address)
        for candidate in candidates {
            ice.addRemoteCandidate(
                candidate.address, priority: candidate.priority, isRelayed: candidate.isRelayed, at: now)
        }
        ice.setRemoteCredentials(ufrag: order.bridge.ufrag, password: order.bridge.password, at: now)
    }

    deinit {
        trackers.deallocate()
    }

    private static func profiles(_ choice: LoadOptions.Profile) -> [SRTPProfile] {
        switch choice {
        case .gcm: [.aeadAES128GCM]
        case .cm: [.aes128CMHMACSHA1_80]
        // The order of browsers.
        case .any: [.aeadAES128GCM, .aes128CMHMACSHA1_80]
        }
    }

    /// When ``handleTimeout(at:_:)`` has something to do.
    var nextTimeout: Timestamp? {
        guard !hasFailed else { return nil }
        var next = earlier(earlier(ice.nextTimeout, dtls.nextTimeout), nextChannelTimeout)
        guard isConnected else { return next }
        if let audio { next = earlier(next, min(audio.due, audio.stream.reportDue)) }
        for video in videos { next = earlier(next, min(video.due, video.stream.reportDue)) }
        next = earlier(next, earlier(feedbackDue, receiverReportDue))
        return earlier(earlier(next, pictureRequestDue), repairDue)
    }

    /// Sends the first checks.
    /// - Parameter webSocket: where to dial for the bridge channel.
    func start(webSocket target: WebSocketTarget?, at now: Timestamp, _ context: inout LoopContext) {
        dialWebSocket(target, at: now, &context)
        if targets.isEmpty { fail("the bridge has no address of our IP version", &context) }
        drainTransport(at: now, &context)
    }

    /// Does what is due.
    func handleTimeout(at now: Timestamp, _ context: inout LoopContext) {
        if let due = ice.nextTimeout, due <= now {
            ice.handleTimeout(at: now)
            drainTransport(at: now, &context)
        }
        if let due = dtls.nextTimeout, due <= now {
            dtls.handleTimeout(at: now)
            drainTransport(at: now, &context)
        }
        if let due = nextChannelTimeout, due <= now { handleChannelTimeout(at: now, &context) }
        guard isConnected else { return }
        sendMedia(at: now, &context)
        sendReports(at: now, &context)
    }

    /// A STUN datagram came.
    func handleSTUN(
        _ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        ice.handle(UnsafeRawBufferPointer(datagram).bytes, from: source, local: 0, at: now)
        drainTransport(at: now, &context)
    }

    /// A DTLS datagram came.
    func handleDTLS(_ datagram: UnsafeMutableRawBufferPointer, at now: Timestamp, _ context: inout LoopContext) {
        var records: [[UInt8]] = []
        dtls.handle(UnsafeRawBufferPointer(datagram).bytes, at: now) { records.append($0.toArray()) }
        drainTransport(at: now, &context)
        if !records.isEmpty { handle(records: records, at: now, &context) }
    }

    /// Sends and learns what ICE and DTLS have to say.
    private func drainTransport(at now: Timestamp, _ context: inout LoopContext) {
        while let (destination, bytes) = ice.pollTransmit() {
            _ = context.batch.batch.append(bytes.rawSpan, to: destination)
        }
        while let event = ice.pollEvent() { handle(event, at: now, &context) }
        destination = ice.sendDestination ?? destination
        flushDTLS(&context)
        while let event = dtls.pollEvent() { handle(event, at: now, &context) }
        port.flush(&context.batch.batch)
    }

    /// Sends what DTLS has to send.
    func flushDTLS(_ context: inout LoopContext) {
        while let datagram = dtls.pollTransmit() {
            guard let destination else { continue }
            if !context.batch.batch.hasRoom(datagrams: 1) { port.flush(&context.batch.batch) }
            _ = context.batch.batch.append(datagram.rawSpan, to: destination)
        }
        port.flush(&context.batch.batch)
    }

    private func handle(_ event: ICEAgent.Event, at now: Timestamp, _ context: inout LoopContext) {
        switch event {
        case .writable(let found), .selected(let found):
            destination = found
            guard !hasStartedDTLS else { return }
            hasStartedDTLS = true
            dtls.start(isPassive ? .server : .client, at: now)
        case .failed:
            fail("no answer to ICE checks at \(targets.map(\.description).joined(separator: ", "))", &context)
        case .consentLost:
            fail("the bridge no longer answers ICE", &context)
        case .bound, .unbound, .consentRegained:
            break
        }
    }

    private func handle(_ event: DTLSEvent, at now: Timestamp, _ context: inout LoopContext) {
        switch event {
        case .connected(let keys):
            do throws(LoadError) {
                outbound = try SRTPContext(
                    profile: keys.profile, key: keys.localKey, salt: keys.localSalt, direction: .outbound)
                inbound = try SRTPContext(
                    profile: keys.profile, key: keys.remoteKey, salt: keys.remoteSalt, direction: .inbound)
            } catch {
                fail("\(error)", &context)
                return
            }
            connect(at: now, &context)
        case .failed(let reason):
            fail("DTLS: \(reason)", &context)
        case .closed:
            // At the end the bridge may say good-bye.
            if context.isSending { fail("the bridge closed DTLS", &context) }
        }
    }

    private func connect(at now: Timestamp, _ context: inout LoopContext) {
        isConnected = true
        connectedAt = now
        context.statistics.join.note((now - askedAt).nanoseconds)
        if let index = planned.audio {
            audio = AudioSender(
                planned: conference.streams[index], frames: context.frames, random: &random, at: now)
        }
        if let index = planned.video {
            addVideos(conference.streams[index], context.options, at: now)
        }
        prepareJudges(context.options, at: now)
        for (index, stream) in conference.streams.enumerated() where stream.sender != planned.number {
            if stream.isVideo {
                pictureRequestDue = now
            } else if !slots.isActive {
                // The bridge ended its handshake before we did, so what is sent from now on is for us too.
                trackers[index].expect(from: Int64(stream.sent.load(ordering: .acquiring)))
            }
        }
        receiverReportDue = now + .milliseconds(500) + .nanoseconds(Int64(random.fraction() * 1e9))
        openDataChannel(at: now, &context)
    }

    private func fail(_ reason: String, _ context: inout LoopContext) {
        guard !hasFailed else { return }
        hasFailed = true
        note(failure: reason, &context)
    }

    /// Keeps the first few reasons for the result.
    func note(failure reason: String, _ context: inout LoopContext) {
        if context.statistics.failures.count < 10 {
            context.statistics.failures.append("participant \(planned.number): \(reason)")
        }
    }
}
