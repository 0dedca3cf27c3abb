// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Primitives
import ShardMessages
import TestSupport
import Testing

@testable import BridgeControl

@Suite("Directory: time, limits, shutdown")
struct DirectoryTimeTests {
    @Test("a worker that stays silent costs an error after the deadline and leaves no half-made endpoint")
    func deadline() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.isWorkerSilent = true
        let late = try bridge.post(TestBridge.modify("m", "", TestBridge.create("b")))
        bridge.settle()
        bridge.pass(.milliseconds(9_999))
        #expect(bridge.replies.last?.token != late)
        bridge.pass(.milliseconds(1))
        #expect(bridge.replies.last?.token == late)
        #expect(throws: ColibriError.self) { try bridge.replies.last?.result.get() }
        #expect(bridge.events.contains { $0.kind == .requestTimedOut && $0.meetingID == "m" })
        // The late answer finds nobody, and the undo behind it takes the endpoint away.
        bridge.isWorkerSilent = false
        bridge.runWorker()
        bridge.settle()
        #expect(bridge.worker.conferences.values.first?.values.map(\.self) == ["a"])
        #expect(bridge.directory.nextTimeout == nil)
        let again = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("b")))
        #expect(again.endpoints[0].transport != nil)
    }

    @Test("a create that the worker never answered leaves no conference; its followers get E1")
    func deadlineOfCreate() throws {
        var bridge = TestBridge()
        bridge.isWorkerSilent = true
        try bridge.post(TestBridge.modify("m", "create='true'", TestBridge.create("a")))
        try bridge.post(TestBridge.modify("m", "", TestBridge.create("b")))
        bridge.settle()
        bridge.pass(.seconds(Int64(10)))
        #expect(bridge.replies.count == 2)
        #expect(throws: ColibriError.unknownConference("m")) { try bridge.replies.last?.result.get() }
        #expect(!bridge.directory.hasConference(meetingID: "m"))
        bridge.isWorkerSilent = false
        bridge.runWorker()
        bridge.settle()
        #expect(bridge.worker.conferences.isEmpty)
    }

    @Test("a request that waited for its turn beyond the deadline is refused without asking the worker")
    func staleQueue() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.isWorkerSilent = true
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        bridge.settle()
        bridge.now = bridge.now + .seconds(Int64(11))
        bridge.runWorker()
        bridge.settle()
        #expect(bridge.waiting.isEmpty)
        #expect((try? bridge.replies.dropLast().last?.result.get()) != nil)
        #expect(throws: ColibriError.self) { try bridge.replies.last?.result.get() }
    }

    @Test("a request of more than 100 ms is reported with its conference, and counted")
    func slowRequest() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.isWorkerSilent = true
        for (milliseconds, isSlow) in [(100, false), (101, true)] {
            try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
            bridge.settle()
            bridge.pass(.milliseconds(Int64(milliseconds)))
            bridge.runWorker()
            bridge.settle()
            let isReported = bridge.events.contains {
                $0.kind == .slowRequest(milliseconds: Int64(milliseconds)) && $0.meetingID == "m"
            }
            #expect(isReported == isSlow)
        }
        #expect(bridge.directory.counts.totalSlowRequests == 1)
        #expect(bridge.directory.requestDelays.buckets == [2, 0, 0, 1, 1, 0])
        #expect(bridge.directory.processingDelays.maximumMilliseconds == 101)
    }

    @Test("meeting id, room and stats-id are in every line about a conference and its endpoints, and in its summary")
    func names() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a", "b")
        let a = try bridge.number(of: "a")
        bridge.tell(.iceConnected(a, remote: TransportAddress(ip: "203.0.113.9", port: 4_000)))
        bridge.tell(.dtlsConnected(a, profile: "p"))
        bridge.tell(.iceFailed(a))
        bridge.tell(.dtlsFailed(a, reason: "r"))
        #expect(bridge.directory.summaries.first?.meetingID == "m")
        #expect(bridge.directory.summaries.first?.name == "r@c.example.net")
        #expect(bridge.directory.summaries.first?.endpoints.map(\.statsID) == ["Ada", "Ada"])
        #expect(bridge.directory.summaries.first?.isRTCStatsEnabled == true)
        _ = try bridge.ask(TestBridge.modify("m", "", "<endpoint id='a' expire='true'/>"))
        bridge.tell(.endpointExpired(try bridge.number(of: "b"), conference: ConferenceNumber(1), reason: .iceFailed))
        bridge.tell(.conferenceExpired(ConferenceNumber(1)))
        let lines = bridge.events.map { event in
            event.message + ": " + event.metadata(redacts: true).map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        }
        let meeting = "conference=m name=r@c.example.net"
        #expect(
            lines == [
                "conference created: \(meeting)",
                "endpoint created: \(meeting) endpoint=a stats_id=Ada",
                "endpoint created: \(meeting) endpoint=b stats_id=Ada",
                "ICE connected: \(meeting) endpoint=a stats_id=Ada remote=203.0.x.x:4000",
                "DTLS connected: \(meeting) endpoint=a stats_id=Ada profile=p",
                "ICE failed: \(meeting) endpoint=a stats_id=Ada",
                "DTLS failed: \(meeting) endpoint=a stats_id=Ada reason=r",
                "endpoint expired by request: \(meeting) endpoint=a stats_id=Ada",
                "endpoint ended: \(meeting) endpoint=b stats_id=Ada reason=\(ExpiryReason.iceFailed.rawValue)",
                "conference ended: \(meeting) reason=inactive",
            ])
    }

    @Test("a log line has a constant text and names conference and endpoint")
    func logLines() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        _ = try bridge.refusal(TestBridge.modify("m", "", "<endpoint id='x'><sources/></endpoint>"))
        let event = try #require(bridge.events.last)
        #expect(event.message == "colibri request failed")
        #expect(event.severity == .warning)
        #expect(
            event.metadata(redacts: true).map { "\($0.key)=\($0.value)" }
                == [
                    "conference=m", "name=r@c.example.net", "endpoint=x", "condition=item-not-found",
                    "reason=unknown_endpoint",
                ]
        )
    }

    @Test("a source that finds no place is one warning with its SSRC and the reason, and fails nothing")
    func refusedSource() throws {
        for (reason, word) in [(SourceRefusal.foreignSSRC, "foreign"), (.full, "full")] {
            var bridge = TestBridge()
            try bridge.start("m", "a")
            let before = bridge.events.count
            bridge.tell(.sourceRefused(try bridge.number(of: "a"), ssrc: 4_000_000_000, reason: reason))
            #expect(bridge.events.count == before + 1)
            let event = try #require(bridge.events.last)
            #expect(event.severity == .warning && event.message == "source finds no place yet")
            let metadata = event.metadata(redacts: true).map { "\($0.key)=\($0.value)" }
            #expect(metadata.contains("conference=m") && metadata.contains("endpoint=a"))
            #expect(metadata.contains("ssrc=4000000000"))
            #expect(metadata.last?.hasPrefix("reason=") == true && metadata.last?.contains(word) == true, "\(metadata)")
            #expect(bridge.directory.counts.totalFailedRequests == 0)
        }
    }

    @Test("more requests than may wait are refused at once")
    func queueLimit() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.isWorkerSilent = true
        let mute = try TestBridge.request(TestBridge.modify("m", "", "<endpoint id='a'><force-mute/></endpoint>"))
        for _ in 0...BridgeControlLimits.queuedRequestsPerConference { bridge.post(mute) }
        bridge.settle()
        let before = bridge.replies.count
        bridge.post(mute)
        bridge.settle()
        #expect(bridge.replies.count == before + 1)
        #expect(
            throws: ColibriError.limitReached(
                "\(BridgeControlLimits.queuedRequestsPerConference) requests wait for this conference already")
        ) { try bridge.replies.last?.result.get() }
        #expect(bridge.directory.counts.totalLimitRefusals == 1)
    }

    @Test("one slow answer does not make the list of deadlines grow with every answered request behind it")
    func deadlineCompaction() throws {
        var bridge = TestBridge()
        try bridge.start("slow", "a")
        try bridge.start("m", "a")
        let update = "<endpoint id='a'><force-mute audio='true' video='true'/></endpoint>"
        try bridge.post(TestBridge.modify("slow", "", update))
        // Taken by the worker, never answered.
        while bridge.directory.pollCommand() != nil {}
        let request = try TestBridge.request(TestBridge.modify("m", "", update))
        for _ in 0..<3_000 {
            bridge.post(request)
            bridge.settle()
        }
        #expect(bridge.replies.count >= 3_000)
        #expect((1...1_100).contains(bridge.directory.deadlines.count))
    }

    @Test(
        "more conferences than the limit are refused with a sentence that names the setting",
        arguments: [3, BridgeControlLimits.conferences])
    func conferenceLimit(limit: Int) throws {
        var bridge = TestBridge { $0.maximumConferences = limit }
        for index in 0..<limit {
            _ = try bridge.ask(TestBridge.modify("m\(index)", "create='true'"))
        }
        #expect(
            try bridge.refusal(TestBridge.modify("m", "create='true'"))
                == .limitReached(
                    "this bridge holds \(limit) conferences and takes no more (viaduct.limits.conferences)"))
        _ = try bridge.ask(TestBridge.modify("m0", "expire='true'"))
        #expect(try bridge.refusal(TestBridge.modify("m", "create='true'")) == nil)
    }

    @Test("more endpoints than the whole bridge may have are refused, and one that leaves makes room in the same step")
    func totalEndpointLimit() throws {
        var bridge = TestBridge { $0.maximumEndpoints = 3 }
        try bridge.start("m", "a", "b")
        try bridge.start("n", "a")
        let refusal = ColibriError.limitReached(
            "this bridge holds 3 endpoints and takes no more (viaduct.limits.endpoints)")
        #expect(try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("c"))) == refusal)
        #expect(try bridge.refusal(TestBridge.modify("o", "create='true'", TestBridge.create("a"))) == refusal)
        #expect(!bridge.directory.hasConference(meetingID: "o"))
        _ = try bridge.ask(TestBridge.modify("n", "", "<endpoint id='a' expire='true'/>"))
        #expect(try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("c"))) == nil)
    }

    @Test("more endpoints than a conference may have are refused")
    func endpointLimit() throws {
        var bridge = TestBridge()
        try bridge.start("m")
        for index in 0..<BridgeControlLimits.endpointsPerConference {
            _ = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("e\(index)")))
        }
        #expect(
            try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("x")))
                == .limitReached(
                    "this conference has \(BridgeControlLimits.endpointsPerConference) endpoints and takes no more"
                        + " (viaduct.limits.endpoints-per-conference)"))
        #expect(bridge.directory.counts.largestConference == BridgeControlLimits.endpointsPerConference)
    }

    @Test("events that nobody fetches are bounded and counted")
    func eventLimit() throws {
        var bridge = TestBridge()
        for index in 0..<BridgeControlLimits.queuedEvents + 5 { bridge.directory.setDraining(index % 2 == 0) }
        #expect(bridge.directory.counts.totalDroppedEvents == 5)
        bridge.settle()
        #expect(bridge.events.count == BridgeControlLimits.queuedEvents)
    }

    @Test("graceful shutdown goes on when the last endpoint leaves, and the process ends a minute later")
    func gracefulShutdown() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.directory.beginGracefulShutdown(at: bridge.now)
        bridge.directory.beginGracefulShutdown(at: bridge.now)
        bridge.settle()
        #expect(bridge.directory.shutdownState == .gracefulShutdown)
        _ = try bridge.ask(TestBridge.modify("m", "", "<endpoint id='a' expire='true'/>"))
        #expect(bridge.directory.shutdownState == .shuttingDown)
        #expect(bridge.directory.isGracefulShutdownRequested)
        bridge.pass(.milliseconds(59_999))
        #expect(!bridge.events.contains { $0.kind == .readyToExit })
        bridge.pass(.milliseconds(1))
        #expect(bridge.events.count { $0.kind == .readyToExit } == 1)
        #expect(bridge.events.count { $0.kind == .shutdownStateChanged(.gracefulShutdown) } == 1)
        #expect(bridge.directory.nextTimeout == nil)
    }

    @Test("graceful shutdown ends at its limit, an empty bridge goes on at once, drain is a flag of its own")
    func shutdownLimits() throws {
        var bridge = TestBridge { $0.isInitiallyDraining = true }
        #expect(bridge.directory.isDraining)
        bridge.directory.setDraining(false)
        bridge.directory.setDraining(false)
        bridge.settle()
        #expect(bridge.events.map(\.kind) == [.drainChanged(false)])
        try bridge.start("m", "a")
        bridge.directory.beginGracefulShutdown(at: bridge.now)
        bridge.pass(.seconds(Int64(86_400)))
        #expect(bridge.directory.shutdownState == .shuttingDown)

        var empty = TestBridge()
        empty.directory.beginGracefulShutdown(at: empty.now)
        #expect(empty.directory.shutdownState == .shuttingDown)
    }

    @Test("every request gets exactly one reply, whatever the focus and the worker do, and the tables agree at the end")
    func chaos() {
        let failure = checkProperty(cases: 300) { random in
            var bridge = TestBridge()
            var posted = 0
            let meetings = ["m", "n"]
            let endpoints = ["a", "b", "c"]
            for _ in 0..<60 {
                let meeting = meetings[random.int(in: 0...1)]
                let id = endpoints[random.int(in: 0...2)]
                bridge.isWorkerSilent = random.int(in: 0...2) == 0
                var request: String?
                switch random.int(in: 0...9) {
                case 0: request = TestBridge.modify(meeting, "create='true'", TestBridge.create(id))
                case 1, 2: request = TestBridge.modify(meeting, "", TestBridge.create(id))
                case 3: request = TestBridge.modify(meeting, "", "<endpoint id='\(id)' expire='true'/>")
                case 4: request = TestBridge.modify(meeting, "", "<endpoint id='\(id)'><sources/></endpoint>")
                case 5: request = TestBridge.modify(meeting, "", "<endpoint id='\(id)'><force-mute/></endpoint>")
                case 6: request = TestBridge.modify(meeting, "expire='true'")
                case 7: bridge.runWorker(random.int(in: 0...3))
                case 8: bridge.pass(.seconds(Int64(random.int(in: 1...12))))
                default: bridge.worker.nextFailure = random.int(in: 0...1) == 0 ? .full("x") : nil
                }
                if let request {
                    guard (try? bridge.post(request)) != nil else { return "not a request: \(request)" }
                    posted += 1
                }
                bridge.settle()
            }
            bridge.worker.nextFailure = nil
            bridge.isWorkerSilent = false
            for _ in 0..<100 {
                bridge.runWorker()
                bridge.settle()
            }
            if bridge.replies.count != posted { return "\(bridge.replies.count) replies to \(posted) requests" }
            if Set(bridge.replies.map(\.token)).count != posted { return "a request was answered twice" }
            let counts = bridge.directory.counts
            if bridge.worker.conferences.count != counts.conferences {
                return "worker has \(bridge.worker.conferences.count) conferences, directory \(counts.conferences)"
            }
            let atWorker = bridge.worker.conferences.values.reduce(0) { $0 + $1.count }
            if atWorker != counts.endpoints { return "worker has \(atWorker) endpoints, directory \(counts.endpoints)" }
            return nil
        }
        #expect(failure == nil)
    }
}
