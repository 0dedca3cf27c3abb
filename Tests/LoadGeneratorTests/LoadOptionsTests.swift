// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoadGenerator

private func options(_ line: String) throws -> LoadOptions {
    guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
        throw LoadError.usage("no run")
    }
    return options
}

private func complaint(_ line: String) -> String? {
    do {
        _ = try options(line)
        return nil
    } catch {
        return "\(error)"
    }
}

@Suite("LoadOptions")
struct LoadOptionsTests {
    @Test("without arguments it is a call of three over REST")
    func defaults() throws {
        let options = try options("")
        #expect(options == LoadOptions())
        #expect(options.door == .rest(host: "127.0.0.1", port: 8080))
    }

    @Test("senders and receivers give the numbers of a conference")
    func shape() throws {
        let lecture = try options("--senders 1 --receivers 50 --audio-senders=0")
        #expect(lecture.participants == 51 && lecture.audioSenders == 0 && lecture.videoSenders == 1)
        let audio = try options("--participants 20 --video-senders 0")
        #expect(audio.participants == 20 && audio.audioSenders == 20 && audio.videoSenders == 0)
        #expect(try options("--senders 5").participants == 5)
        #expect(try options("--participants 10 --receivers 8").audioSenders == 2)
    }

    @Test("rates, times and choices are read with their units")
    func values() throws {
        let options = try options(
            "--video-bitrate 2.5M --audio-bitrate 24k --duration 1.5 --profile cm --verify headers --seed 7 --pid 42 "
                + "--gso"
        )
        #expect(options.videoBitrate == 2_500_000 && options.audioBitrate == 24_000)
        #expect(options.durationSeconds == 1.5 && options.profile == .cm && options.verification == .headers)
        #expect(options.seed == 7 && options.bridgePID == 42 && options.usesGSO)
    }

    @Test("endpoint messages go out one by one or at a rate")
    func messages() throws {
        #expect(try options("").messageRate == 0 && options("--messages 1000").messageRate == 1_000)
    }

    @Test("frames leave whole unless the call is interleaved")
    func interleaving() throws {
        #expect(try !options("--seed 1").isInterleaved)
        let mixed = try options("--interleave --tick 10")
        #expect(mixed.isInterleaved && mixed.tickMilliseconds == 10)
    }

    @Test("speakers take turns where there is a channel to be told of them")
    func channel() throws {
        let plain = try options("--channel none")
        #expect(plain.channel == .none && plain.turnSeconds == 0 && plain.turns == 0)
        let sctp = try options("--channel sctp --duration 9")
        #expect(sctp.channel == .sctp && sctp.turnSeconds == 2.5 && sctp.turns == 3)
        #expect(try options("--channel websocket --turn 0").turns == 0)
        #expect(try options("--channel none --turn 2").turns == 5)
        #expect(try options("--channel sctp --audio-senders 1").turns == 0)
    }

    @Test(
        "doors are read from URL and host",
        arguments: [
            ("--rest http://[::1]:8080/x", LoadOptions.Door.rest(host: "::1", port: 8080)),
            ("--rest http://bridge", .rest(host: "bridge", port: 80)),
        ])
    func doors(line: String, door: LoadOptions.Door) throws {
        #expect(try options(line).door == door)
    }

    @Test("the XMPP door needs a domain and a room")
    func xmpp() throws {
        let options = try options(
            "--xmpp localhost --domain auth.example.net --brewery b@internal.example.net --nick f")
        guard case .xmpp(let door) = options.door else {
            Issue.record("no XMPP door")
            return
        }
        #expect(door.host == "localhost" && door.port == 5222 && door.nick == "f" && door.user == "focus")
        #expect(complaint("--xmpp localhost --domain d") == "--xmpp needs --room (the brewery's address)")
        #expect(complaint("--xmpp localhost --room r@d") == "--xmpp needs --domain")
    }

    @Test(
        "wrong usage is named",
        arguments: [
            ("--colour red", "unknown option --colour"),
            ("--participants", "--participants needs a value"),
            ("--participants 0", "--participants wants a whole number from 1 to 4000, not 0"),
            ("--profile x", "--profile is one of gcm, cm, any, not x"),
            ("--rest ftp://x", "--rest wants http://HOST:PORT"),
            ("--rest http://x:0", "x:0 has no usable port"),
            ("--audio-rate 51", "--audio-rate is 50, 100, 200 or 400 packets per second"),
            ("--video-bitrate 3G", "--video-bitrate wants bits per second from 30000 to 50000000, not 3G"),
            ("--participants 3 --video-senders 4", "more senders than participants"),
            ("--receivers 5", "more receivers than participants"),
            (
                "--participants 3 --senders 2 --receivers 2",
                "--senders and --receivers do not add up to --participants"
            ),
            ("--interleave --gso", "--gso sends frames as trains: not with --interleave"),
            ("--tick 5", "--tick needs --interleave"),
            ("--interleave --tick 34", "--tick is no longer than a frame"),
            ("--quiet=yes --seed 1", "--quiet takes no value"),
            ("--passive=no", "--passive takes no value"),
            ("--rest http://::1:80", "::1:80: an IPv6 address stands in brackets"),
            ("--rest http://[::1]x", "[::1]x has no usable port"),
            ("--local here", "--local here is no address"),
            ("--room b@d", "account and room need --xmpp"),
            ("--rest http://x --xmpp y --domain d --room r@d", "either --rest or --xmpp"),
            ("--conferences 3000 --participants 2", "at most 4000 participants in all"),
            ("--channel tcp", "--channel is one of sctp, websocket, none, not tcp"),
            ("--messages 10 --channel none", "--messages needs a --channel"),
            ("--turn 1", "--turn is 0 or at least 1.5 seconds"),
            ("now", "unexpected argument now"),
        ])
    func usage(line: String, text: String) {
        #expect(complaint(line) == text)
    }

    @Test("a plan is the same for the same seed, and SSRCs and endpoints are unique")
    func plan() throws {
        let options = try options("--conferences 4 --participants 30 --video-senders 2")
        let plan = Plan(options)
        let again = Plan(options)
        #expect(plan.participants.map(\.endpoint) == again.participants.map(\.endpoint))
        #expect(Set(plan.participants.map(\.endpoint)).count == 120)
        #expect(plan.participants.allSatisfy { $0.endpoint.count == 8 })
        let streams = plan.participants.flatMap { $0.sources.map(\.ssrc) }
        #expect(streams.count == 4 * 32 && Set(streams).count == streams.count)
        let first = plan.participants[0]
        let stream = first.conference.streams[try #require(first.video)]
        #expect(first.conference.index(of: stream.ssrc) == first.video)
        #expect(first.conference.index(of: stream.ssrc ^ 0x10_0000) == nil)
        #expect(first.conference.meeting.count == 36)
        // A bridge may still hold the conferences of the last run.
        #expect(Set((plan.participants + again.participants).map(\.conference.meeting)).count == 8)
    }
}
