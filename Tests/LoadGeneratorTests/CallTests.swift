// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaPlane
import Primitives
import TestSupport
import Testing

@testable import LoadGenerator

/// Whole calls over real sockets: the generator's participants, with libsrtp2, against a media worker of this process.
@Suite("Calls", .serialized)
struct CallTests {
    private func call(_ line: String, usesOffload: Bool = true) throws -> LoadResult {
        let arguments = ("--channel none " + line + " --duration 1 --quiet").split(separator: " ").map(String.init)
        guard case .run(let options) = try LoadOptions.parse(arguments) else { throw LoadError.usage("no run") }
        prepareLibrary()
        let focus = try WorkerFocus(usesOffload: usesOffload)
        defer { focus.worker.stop() }
        return try LoadRun(options, focus: focus).run()
    }

    /// The oracle of the other tests in this process initialises libsrtp2 and insists on being the first.
    func prepareLibrary() {
        _ = LibSRTP(.sender, profile: 7, keyAndSalt: [UInt8](repeating: 0, count: 28))
    }

    @Test("three people with audio and video hear and see each other", arguments: ["gcm", "cm"], [true, false])
    func three(profile: String, usesOffload: Bool) throws {
        let result = try call("--participants 3 --video-bitrate 600k --profile \(profile)", usesOffload: usesOffload)
        #expect(result.imperfections == [])
        #expect(result.statistics.streams == 12)
        #expect(result.statistics.verified == result.statistics.received)
        #expect(result.statistics.expected > 400)
        #expect(result.statistics.renumbered == 0)
        #expect(result.statistics.senderReports > 0 && result.statistics.receiverReports > 0)
    }

    @Test("three people in simulcast: what comes is a series that a decoder shows without a gap")
    func simulcast() throws {
        let result = try call("--participants 3 --simulcast --video-bitrate 600k --least-share 0")
        let pictures = result.statistics.pictures
        #expect(result.imperfections == [])
        #expect(result.statistics.streams == 12 && pictures.pairs == 6)
        #expect(pictures.shown >= 6 * 27 && pictures.skipped == 0 && pictures.badDescriptors == 0)
        #expect(pictures.firstPicture.count >= 6 && result.statistics.firstKeyframe.count == 6)
        #expect(result.statistics.silentStreams == 0 && pictures.longestGap < 500_000_000)
        let receivers = try #require(result.json["pictures"]?["receivers"]?.arrayValue)
        #expect(receivers.count == 3 && receivers.allSatisfy { $0["sources"]?.arrayValue?.count == 2 })
        #expect(result.table.contains("pictures shown"))
    }

    @Test("what participants lose on purpose is counted and asked for; the audio among it is no flaw of the bridge")
    func loss() throws {
        let result = try call("--participants 3 --loss-up 4 --loss-down 4 --video-bitrate 600k --least-share 0")
        let repair = result.statistics.repair
        #expect(repair.droppedUp > 3 && repair.droppedDown > 3 && repair.lostAudio > 3)
        #expect(result.statistics.lost > 0 && result.statistics.lost <= repair.lostAudio)
        #expect(!result.imperfections.contains { $0.hasSuffix("packets lost") }, "\(result.imperfections)")
        #expect(repair.missed > 3 && repair.nacksSent > 0)
        #expect(result.statistics.altered == 0 && result.statistics.misdelivered == 0)
        #expect(result.statistics.pictures.garbled == 0 && result.statistics.pictures.discontinuities == 0)
        #expect(result.json["repair"]?["missed"]?.integerValue == Int64(repair.missed))
        #expect(result.table.contains("lost on purpose up / down"))
    }

    @Test("a bridge that is DTLS client works as well")
    func passive() throws {
        let result = try call("--participants 2 --video-senders 0 --passive")
        #expect(result.imperfections == [])
    }

    @Test("two conferences on several threads keep apart, headers alone followed")
    func conferences() throws {
        let result = try call("--conferences 2 --participants 6 --senders 2 --threads 2 --verify headers")
        #expect(result.imperfections == [])
        #expect(result.connected == 12)
        #expect(result.statistics.streams == 40)
        #expect(result.statistics.verified < result.statistics.received)
        #expect(result.statistics.unknown == 0 && result.statistics.misdelivered == 0)
    }

    @Test(
        "what the network loses, doubles, delays and alters is reported to the packet",
        arguments: [
            ("all", FaultyNetwork.Fault.allCases), ("sample", [.drop, .duplicate, .delay]),
            ("headers", [.drop, .duplicate, .delay]),
        ])
    func faults(verification: String, faults: [FaultyNetwork.Fault]) throws {
        prepareLibrary()
        let focus = try WorkerFocus(usesOffload: true)
        defer { focus.worker.stop() }
        let network = try FaultyNetwork(target: try #require(focus.worker.boundAddresses.first).port, faults: faults)
        defer { network.stop() }
        focus.advertisedPort = network.port
        let line =
            "--channel none --participants 3 --senders 2 --audio-rate 100 --duration 2 --quiet --verify \(verification)"
        guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
            return
        }
        let result = try LoadRun(options, focus: focus).run()
        let statistics = result.statistics
        for fault in faults { #expect(network.count(fault) >= 8) }
        let altered = network.count(.alterPayload) + network.count(.alterNumber)
        #expect(statistics.altered == altered)
        #expect(statistics.lost == network.count(.drop) + altered)
        #expect(statistics.duplicates == network.count(.duplicate))
        #expect(statistics.reordered == network.count(.delay))
        #expect(statistics.streams == 8)
        #expect(statistics.malformed == 0 && statistics.misdelivered == 0 && statistics.renumbered == 0)
        #expect(
            result.imperfections.contains("\(network.count(.drop) + altered) packets lost"),
            "\(result.imperfections)")
    }

    @Test("a bridge that stops in the middle is no perfect call")
    func stopped() throws {
        let line = "--channel none --participants 2 --video-senders 0 --duration 1 --quiet"
        let arguments = line.split(separator: " ").map(String.init)
        guard case .run(let options) = try LoadOptions.parse(arguments) else { return }
        prepareLibrary()
        let focus = StoppingFocus(try WorkerFocus(usesOffload: true))
        let result = try LoadRun(options, focus: focus).run()
        #expect(!result.isPerfect)
        #expect(result.statistics.lost > 0)
    }
}

extension CallTests {
    @Test("a bridge that refuses one of them gets no call, and the conference is ended")
    func refused() throws {
        prepareLibrary()
        let worker = try WorkerFocus(usesOffload: true)
        defer { worker.worker.stop() }
        let focus = FullFocus(worker, room: 2)
        guard case .run(let options) = try LoadOptions.parse(["--channel=none", "--participants=3", "--quiet"]) else {
            return
        }
        let result = try LoadRun(options, focus: focus).run()
        #expect(!result.hasBegun)
        #expect(result.imperfections.first == "refused by the bridge: full")
        #expect(focus.expired == 1)
    }
}

/// Lets so many in and refuses the next one.
private final class FullFocus: Focus {
    private let inner: WorkerFocus
    private var room: Int
    private(set) var expired = 0

    init(_ inner: WorkerFocus, room: Int) {
        self.inner = inner
        self.room = room
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        room -= 1
        guard room >= 0 else { throw .refused("full") }
        return try inner.create(participant, newConference: newConference)
    }

    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError) {
        try inner.update(participant, transport)
    }

    func expire(_ conference: PlannedConference) throws(LoadError) {
        expired += 1
        try inner.expire(conference)
    }

    func idle() { inner.idle() }
}

/// Stops its worker while the call runs.
private final class StoppingFocus: Focus {
    private let inner: WorkerFocus
    private var turns = 0

    init(_ inner: WorkerFocus) {
        self.inner = inner
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        try inner.create(participant, newConference: newConference)
    }

    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError) {
        try inner.update(participant, transport)
    }

    func expire(_ conference: PlannedConference) {}

    func idle() {
        turns += 1
        if turns == 4 { inner.worker.stop() }
    }
}
