// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import ICE
import MediaTransport
import OpenSSL
import Primitives
import RTP
import ShardMessages

/// A participant: its half of a transport from the same cores, what it sends, and what it makes of what it receives.
final class VirtualClient {
    let index: Int
    let number: EndpointNumber
    /// Position in ``World/conferences``.
    let conference: Int
    var settings: ClientSettings
    let identity: DTLSIdentity
    var address: TransportAddress
    var transport: TransportSession
    /// The bridge's half.
    var local: LocalTransport?
    var uplink: Link
    var downlink: Link
    var random: Random

    /// Whether it is in its conference.
    var isPresent = true
    var isAudioMuted = false
    var isVideoMuted = false
    /// The audio level of everything it says, 0…127; `nil` leaves it to chance.
    var level: UInt8?
    /// ICE works, as this side and as the bridge sees it.
    var isConnected = (here: false, there: false)
    var hasBegunKeys = false
    /// Whether it has begun to send.
    var hasBegunMedia = false
    /// Restarts of its ICE so far.
    var restarts = 0
    /// The longest silence in each stream is kept.
    var watchesGaps = false
    /// The wake-up that counts.
    var wakeAt = Timestamp.distantFuture

    var audio: MediaSource?
    var video: MediaSource?
    /// Sends video in layers, in the place of ``video``.
    var encoder: VideoEncoder?
    /// It tells the bridge nonsense of what it can take, and gets what it deserves.
    var estimatesNonsense = false
    /// Packets that it repeated.
    var repeatsSent = 0
    /// What the bridge asked it for: how often, and when last. By ledger and index.
    var askedFor: [[Int]: (count: Int, last: Timestamp)] = [:]
    var nextReport = Timestamp.distantFuture
    var nextLook = Timestamp.distantFuture
    /// Checks that it sends from a new address: how many, and when the next.
    var moveChecks = (left: 0, next: Timestamp.distantFuture, serial: UInt64(0))

    /// Of each transport-wide number sent: whether the bridge has taken the packet in.
    var transportFates: [Bool] = []
    /// Silent audio packets in a row, as the bridge saw them.
    var silentInRow = 0

    // As a receiver, by ledger.
    var laws: [Int: StreamLaw] = [:]
    var unwrappers: [Int: SequenceUnwrapper] = [:]
    var streams: [Int: ReceivedStream] = [:]
    var pictures: [Int: PictureAssembly] = [:]
    var wishes: [Int: Timestamp] = [:]

    // As a receiver of sources with layers, by group.
    var viewLaws: [Int: ViewLaw] = [:]
    var viewUnwrappers: [Int: SequenceUnwrapper] = [:]
    var views: [Int: ViewReception] = [:]
    /// The heights that it asked for, and since when.
    var heights: (others: Int32, named: [String: Int32], since: Timestamp) = (-1, [:], .zero)
    /// What came before the keys did, for the laws.
    var unobserved: [(bytes: [UInt8], time: Timestamp)] = []
    /// RTCP datagrams in the present second.
    var controls = (second: Int64(-1), count: 0)
    var lastReceiverReport: Timestamp?
    /// Key frame requests that reached it, by SSRC.
    var keyframeRequests: [UInt32: [Timestamp]] = [:]
    /// When the turns began that sent them: what was asked for was decided then or later.
    var keyframeTurns: [UInt32: [Timestamp]] = [:]

    /// What it received of one stream.
    struct ReceivedStream {
        var lastHeard: Timestamp
        var longestGap = TimeDelta.zero
        var firstOut: Int64
        var highestOut: Int64
        var count: Int64 = 0
        var seen: [Bool] = []
        var lastReport: (compact: UInt32, time: Timestamp)?
    }

    init(
        _ index: Int, in conference: Int, settings: ClientSettings, identity: DTLSIdentity, random seed: inout Random,
        at now: Timestamp
    ) {
        self.index = index
        self.conference = conference
        self.settings = settings
        self.identity = identity
        number = EndpointNumber(UInt64(index) + 1)
        address = TransportAddress(ipv4: 0x0A00_0000 + UInt32(index), port: 5_000)
        random = Random(seed: seed.next())
        uplink = Link(settings.uplink, random: &random)
        downlink = Link(settings.downlink, random: &random)
        let ice = ICEAgent.Settings(
            localUfrag: "client\(index)", localPassword: "a-password-of-enough-letters-\(index)", isControlling: false,
            tieBreaker: UInt64(index), localAddresses: [address])
        transport = TransportSession(
            ice: ice, identity: identity, profiles: [settings.profile], random: Random(seed: random.next()), at: now)
    }

    /// Whether media can be sent.
    var isReady: Bool { isPresent && transport.isReady }

    /// The earliest of everything it waits for.
    var nextTimeout: Timestamp {
        guard isPresent else { return .distantFuture }
        var next = transport.nextTimeout ?? .distantFuture
        next = min(next, moveChecks.next)
        guard isReady, hasBegunMedia else { return next }
        if let audio, audio.isActive { next = min(next, audio.next) }
        if let video, video.isActive { next = min(next, min(video.next, video.queue.first?.due ?? .distantFuture)) }
        if let encoder { next = min(next, encoder.nextTimeout) }
        return min(next, min(nextNack, min(nextReport, nextLook)))
    }

    /// Lets due timers run.
    func wake(in world: World) {
        let now = world.now
        guard isPresent else { return }
        if let due = transport.nextTimeout, due <= now {
            transport.handleTimeout(at: now)
            settle(in: world)
        }
        if moveChecks.next <= now { sendMoveCheck(in: world) }
        guard isReady else { return }
        if !hasBegunMedia { beginMedia(at: now) }
        sendAudio(in: world)
        sendVideo(in: world)
        sendEncoded(in: world)
        sendNacks(in: world)
        if nextReport <= now {
            nextReport = now + .milliseconds(Int64(random.int(in: 900...1_100)))
            if settings.reports { sendReports(in: world) }
        }
        if nextLook <= now {
            nextLook = now + .milliseconds(100)
            lookAtPictures(in: world)
        }
    }

    private func beginMedia(at now: Timestamp) {
        hasBegunMedia = true
        audio?.next = now + .milliseconds(Int64(random.int(in: 1...20)))
        video?.next = now + .milliseconds(Int64(random.int(in: 1...60)))
        if encoder != nil { encoder?.next = now + .milliseconds(Int64(random.int(in: 1...60))) }
        nextReport = now + .milliseconds(Int64(random.int(in: 200...900)))
        nextLook = now + .milliseconds(100)
    }

    /// Takes an ICE or DTLS datagram of the bridge.
    func handle(_ bytes: [UInt8], in world: World) {
        switch DatagramClass(bytes.rawSpan) {
        case .stun: transport.handleSTUN(bytes.rawSpan, from: SimulatedWorker.address, local: 0, at: world.now)
        case .dtls: transport.handleDTLS(bytes.rawSpan, at: world.now)
        case .turnChannel, .rtp, .rtcp, .unknown: return
        }
        settle(in: world)
    }

    /// Sends what the transport has, acts on its events.
    func settle(in world: World) {
        world.drainTransport(of: self)
        // Ends: a session queues a bounded number of events.
        while let event = transport.pollEvent() {
            switch event {
            case .iceConnected:
                isConnected.here = true
                world.beginKeys(of: self)
            case .dtlsConnected: world.observeEarly(of: self)
            case .dtlsFailed(let reason): world.fail(.world, "client \(index): the handshake failed: \(reason)")
            case .iceFailed: world.fail(.world, "client \(index): ICE failed")
            case .iceRestartFailed: world.fail(.world, "client \(index): its ICE restart failed")
            case .bound, .unbound, .iceRestarted: break
            }
        }
    }

    /// A check from the new address, as a client sends it that has changed its network.
    private func sendMoveCheck(in world: World) {
        moveChecks.left -= 1
        moveChecks.next = moveChecks.left > 0 ? world.now + .milliseconds(100) : .distantFuture
        moveChecks.serial += 1
        guard let local else { return }
        world.send(check(of: local, serial: moveChecks.serial), from: self)
    }

    /// A check with this client's credentials.
    func check(of local: LocalTransport, serial: UInt64) -> [UInt8] {
        var check = STUNBuilder(.request, transactionID: TransactionID(high: UInt32(index) + 1, low: serial))
        check.username(Array(local.ufrag.utf8), Array(transport.ufrag.utf8))
        check.priority(1_845_501_695)
        check.role(isControlling: false, tieBreaker: UInt64(index))
        return check.finish(key: Array(local.password.utf8))
    }
}
