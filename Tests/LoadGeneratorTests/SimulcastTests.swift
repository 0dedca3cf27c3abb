// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Primitives
import TestSupport
import Testing
import VideoPayload

@testable import LoadGenerator

private func options(_ line: String) throws -> LoadOptions {
    guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
        throw LoadError.usage("no run")
    }
    return options
}

@Suite("Simulcast")
struct SimulcastTests {
    private static let begin = Timestamp(nanoseconds: 1_000_000_000)

    /// What one packet says.
    private struct Sent {
        var at: TimeDelta
        var encoding: Int
        var descriptor: VP8Descriptor
        var stamp: PayloadStamp
        var isEnd: Bool
        var timestamp: UInt32
        var bytes: Int
    }

    /// Lets the encodings of a source send for a while, as a media thread does.
    private func send(
        _ videos: inout [VideoSender], from start: TimeDelta = .zero, for time: TimeDelta
    ) throws -> [Sent] {
        var result: [Sent] = []
        var packet = [UInt8](repeating: 0, count: 1_600)
        var now = Self.begin + start
        while now < Self.begin + start + time {
            for index in videos.indices where videos[index].due <= now {
                _ = videos[index].beginFrame(at: now)
                while videos[index].hasPacket(at: now) {
                    let count = packet.withUnsafeMutableBytes {
                        videos[index].writePacket(to: $0, transportWide: 0, at: now)
                    }
                    let bytes = Array(packet[28..<count])
                    let descriptor = VP8Descriptor(bytes.rawSpan, from: 0, to: bytes.count)
                    let stamp = bytes.withUnsafeBytes { PayloadStamp($0, covered: 6) }
                    result.append(
                        Sent(
                            at: now - Self.begin, encoding: index, descriptor: try #require(descriptor),
                            stamp: try #require(stamp), isEnd: packet[1] & 0x80 != 0,
                            timestamp: packet.rawSpan.uint32(at: 4), bytes: bytes.count))
                }
            }
            now = now + .milliseconds(1)
        }
        return result
    }

    private func videos(_ line: String = "--simulcast") throws -> [VideoSender] {
        let options = try options(line)
        let stream = PlannedStream(ssrc: 0x1000, isVideo: true, sender: 3, encodings: 3, hasRepair: true)
        var random = Random(seed: 9)
        return VideoEncoding.all(options).map {
            VideoSender(
                planned: stream, encoding: $0, options: options, random: &random,
                firstFrame: Self.begin + .milliseconds(7), at: Self.begin)
        }
    }

    @Test("three encodings with a tenth, a third and the whole of the rate, frames in step")
    func encodings() throws {
        var videos = try videos()
        let sent = try send(&videos, for: .seconds(20 as Int64))
        for (encoding, rate) in [(0, 150_000.0), (1, 500_000), (2, 1_500_000)] {
            let own = sent.filter { $0.encoding == encoding }
            let bits = Double(own.reduce(0) { $0 + $1.bytes }) * 8 / 20
            #expect(abs(bits / rate - 1) < 0.12, "\(bits) of \(rate)")
            #expect(Set(own.map(\.stamp.ssrc)) == [0x1000 | UInt32(encoding) << 13])
            let starts = own.filter { $0.descriptor.isStartOfFrame }
            #expect(starts.count >= 599 && starts.count <= 601)
            let everybodys = sent.filter { $0.descriptor.isStartOfFrame }.map(\.at)
            // A key frame may hold up the one behind it.
            let apart = Set(starts.map(\.at)).symmetricDifference(everybodys).filter { $0 > .milliseconds(200) }
            #expect(apart == [])
        }
    }

    @Test("descriptors of three temporal layers, which a judge accepts, whatever layers are left out")
    func descriptors() throws {
        var videos = try videos()
        let sent = try send(&videos, for: .seconds(3 as Int64)).filter { $0.encoding == 1 }
        let frames = sent.filter { $0.descriptor.isStartOfFrame }
        #expect(frames.prefix(9).map(\.descriptor.temporalID) == [0, 2, 1, 2, 0, 2, 1, 2, 0])
        #expect(frames.allSatisfy { $0.descriptor.hasLongPictureID && $0.descriptor.temporalID == $0.stamp.temporal })
        for (before, after) in zip(frames, frames.dropFirst()) {
            #expect(after.descriptor.pictureID == (before.descriptor.pictureID + 1) & 0x7FFF)
            let step: Int16 = after.descriptor.temporalID == 0 ? 1 : 0
            #expect(after.descriptor.tl0PictureIndex == (before.descriptor.tl0PictureIndex + step) & 0xFF)
        }
        #expect(frames[0].stamp.flags.contains(.keyframe) && !frames[1].stamp.flags.contains(.keyframe))
        #expect(frames[4].stamp.reference == 4 && frames[3].stamp.reference == 1 && frames[6].stamp.reference == 2)
    }

    @Test("a request makes key frames of all encodings at the same moment, once per 300 ms")
    func keyframes() throws {
        var videos = try videos()
        _ = try send(&videos, for: .seconds(1 as Int64))
        for _ in 0..<3 { for index in videos.indices { videos[index].requestKeyframe() } }
        let sent = try send(&videos, from: .seconds(1 as Int64), for: .milliseconds(250))
        let keys = sent.filter { $0.descriptor.isStartOfFrame && $0.stamp.flags.contains(.keyframe) }
        #expect(keys.map(\.encoding).sorted() == [0, 1, 2])
        #expect(Set(keys.map(\.at)).count == 1)
        #expect(videos.map(\.keyframes) == [2, 2, 2])
    }

    @Test(
        "encodings above the height that is wanted stop, all of them at 0; what goes on begins with key frames",
        arguments: [
            (180, [0]), (100, [0]), (360, [0, 1]), (719, [0, 1]), (720, [0, 1, 2]), (2_160, [0, 1, 2]), (0, []),
            (-1, [0, 1, 2]),
        ])
    func limits(height: Int, active: [Int]) throws {
        var videos = try videos()
        _ = try send(&videos, for: .seconds(1 as Int64))
        videos.limit(height: Int64(height))
        // What had begun may be finished.
        _ = try send(&videos, from: .seconds(1 as Int64), for: .milliseconds(200))
        let sent = try send(&videos, from: .milliseconds(1_200), for: .seconds(1 as Int64))
        #expect(Set(sent.map(\.encoding)) == Set(active))
        #expect(videos.map(\.keyframes) == [1, 1, 1], "stopping needs no key frame")
        videos.limit(height: 720)
        let after = try send(&videos, from: .milliseconds(2_200), for: .milliseconds(100))
        let keys = after.filter { $0.descriptor.isStartOfFrame && $0.stamp.flags.contains(.keyframe) }
        #expect(keys.map(\.encoding).sorted() == (active.count == 3 ? [] : [0, 1, 2]))
        #expect(Set(keys.map(\.at)).count <= 1, "in step still")
    }

    @Test("groups are signalled as lib-jitsi-meet does, and the bridge reads three encodings out of either form")
    func signalling() throws {
        let plan = Plan(try options("--simulcast --participants 2 --audio-senders 0"))
        let source = try #require(plan.participants[1].sources.first)
        #expect(source.groups.map(\.semantics) == ["FID", "SIM", "FID", "FID"])
        #expect(source.groups[1].ssrcs == source.encodings && Set(source.ssrcs).count == 6)
        #expect(source.groups[0].ssrcs == [source.encodings[0], source.repairs[0]])
        let other = try #require(plan.participants[0].sources.first)
        #expect(Set(source.ssrcs).isDisjoint(with: other.ssrcs))
        let conference = plan.participants[0].conference
        for (index, stream) in conference.streams.enumerated() {
            #expect(conference.index(of: stream.ssrc) == index)
            #expect(conference.index(ofRepair: stream.repairSSRC(ofEncoding: 0)) == index)
            #expect(conference.index(of: stream.ssrc(ofEncoding: 1)) == nil)
            #expect((0..<3).map { stream.encoding(of: stream.ssrc(ofEncoding: $0)) } == [0, 1, 2])
            #expect(stream.encoding(of: stream.repairSSRC(ofEncoding: 1)) == nil)
            let plain = PlannedStream(ssrc: 0xFFFF_F001 &+ UInt32(index), isVideo: true, sender: 0)
            #expect(plain.encoding(of: plain.ssrc) == 0 && plain.encoding(of: plain.ssrc &+ 1) == nil)
        }
        let local = ParticipantTransport(ufrag: "u", password: "p", fingerprint: [1], setup: "active")
        let request = FocusRequest.update(endpoint: "a1", local, [source])
        let json = try ConferenceModify(json: ColibriJSON.body(request, meeting: "m", name: ""))
        let xml = try ConferenceModify(ColibriXML.element(request, meeting: "m", name: ""))
        for modify in [json, xml] {
            let read = try #require(modify.endpoints.first?.sources?.first)
            #expect(read.ssrcs.map(\.ssrc) == source.ssrcs)
            #expect(read.groups.map(\.semantics) == ["FID", "SIM", "FID", "FID"])
            #expect(read.groups.map(\.ssrcs) == source.groups.map(\.ssrcs))
        }
    }
}

@Suite("Constraints")
struct ConstraintTests {
    @Test("a script is read step by step; what is not named stays")
    func script() throws {
        let script = try ConstraintScript("0:stage=180,others=180;3:stage=720;6.5:lastn=2,others=0")
        #expect(
            script.steps == [
                .init(at: 0, stage: 180, others: 180, lastN: -1), .init(at: 3, stage: 720, others: 180, lastN: -1),
                .init(at: 6.5, stage: 720, others: 0, lastN: 2),
            ])
        #expect(try options("--constraints 0:stage=360").constraints?.steps.first?.stage == 360)
    }

    @Test(
        "what is no script is refused",
        arguments: ["", "180", "1:stage=1", "0:stage=1;0:stage=2", "0:stage", "0:stage=x", "0:size=1", "0:stage=-2"])
    func nonsense(text: String) {
        #expect(throws: LoadError.self) { try ConstraintScript(text) }
    }

    @Test(
        "the steps are said at their times, the speaker's picture on stage, with what the bridge leaves out as nothing")
    func wishes() throws {
        let script = "0:stage=180,others=180;1:stage=720;2:lastn=1"
        let plan = Plan(try options("--participants 4 --video-senders 3 --constraints \(script)"))
        let conference = plan.participants[0].conference
        var wishes = ReceiverWishes(plan.participants[3], try ConstraintScript(script))
        func heights() -> [Int] { (0..<3).map { wishes.height(of: $0) } }
        #expect(wishes.stage == 1 && heights() == [180, 180, 180] && wishes.due == nil)
        let begin = Timestamp(nanoseconds: 5)
        wishes.begin(at: begin)
        #expect(wishes.due == begin + .seconds(1 as Int64))
        let isNext = wishes.goOn()
        let changes = [wishes.takeChange(), wishes.takeChange()]
        #expect(isNext && changes == [true, false])
        #expect(heights() == [180, 720, 180])
        let json = try JSONValue.parse(wishes.message)
        let name = conference.videoSource(of: 1)
        #expect(json["colibriClass"]?.stringValue == "ReceiverVideoConstraints")
        #expect(json["onStageSources"]?.arrayValue?.map(\.stringValue) == [name])
        #expect(json["constraints"]?[name]?["maxHeight"]?.integerValue == 720)
        #expect(json["defaultConstraints"]?["maxHeight"]?.integerValue == 180 && json["lastN"]?.integerValue == -1)
        let follows = [0, 0, 3].map { wishes.follow(speaker: $0) }
        #expect(follows == [true, false, false], "once, and not ourselves")
        #expect(heights() == [720, 180, 180])
        wishes.note(forwarded: [conference.videoSource(of: 0)])
        #expect(heights() == [720, 180, 180], "no last-N yet")
        let steps = [wishes.goOn(), wishes.goOn()]
        #expect(steps == [true, false] && heights() == [720, 0, 0] && wishes.due == nil)
        let hasChanged = wishes.takeChange()
        #expect(hasChanged)
    }

    @Test("without a script everybody is asked for whole pictures, nobody on stage")
    func unscripted() throws {
        let plan = Plan(try options("--participants 2"))
        var wishes = ReceiverWishes(plan.participants[0], nil)
        let follows = wishes.follow(speaker: 1)
        #expect(wishes.height(of: 1) == 720 && !follows && wishes.due == nil)
        #expect(try JSONValue.parse(wishes.message)["onStageSources"] == nil)
    }

    @Test("which encoding a height asks for")
    func wanted() {
        let cases: [(Int, Int?)] = [(0, nil), (90, 0), (180, 0), (359, 0), (360, 1), (720, 2), (2_160, 2), (-1, 2)]
        for (height, encoding) in cases { #expect(VideoEncoding.wanted(height: height) == encoding) }
    }
}
