// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeChannel
import Primitives
import RTP
import ShardMessages
import TestSupport
import Testing

/// One meeting before both who choose pictures: the worker, which forwards them, and the hub, which tells of it.
private final class PictureMeeting {
    let channels: ChannelWorld
    /// Names of the pictures of each, as signalled.
    private var pictures: [String: [String]] = [:]
    private var ssrcs: [String: UInt32] = [:]
    private var count = 0

    /// - Parameter height: of what receivers get before they say something.
    init(of count: Int, height: Int32 = 180) throws {
        channels = try ChannelWorld(at: .zero + .seconds(10.0)) { $0.initial.maxHeight = height }
        for _ in 0..<count { try join() }
    }

    /// The next one comes, `e0` and so on, with a picture and a channel.
    func join() throws {
        let id = "e\(count)"
        count += 1
        try channels.join(id, over: .webSocket)
        signal(id, [id + ".0"])
        channels.run(until: channels.now + .seconds(3.0))
        if let member = channels[id] { channels.openSocket(member) }
    }

    func leave(_ id: String) {
        if let member = channels[id] { channels.leave(member) }
        pictures[id] = nil
    }

    /// Somebody sends these pictures from now on.
    func signal(_ id: String, _ names: [String]) {
        guard let member = channels[id] else { return }
        var media = World.media(audioSSRC: channels.world.clients[member.index].audioSSRC, videoSSRC: nil)
        media.payloadTypes = []
        for name in names {
            let ssrc = ssrcs[name] ?? 10_000 + UInt32(ssrcs.count)
            ssrcs[name] = ssrc
            media.sources?.append(
                SourceDescription(name: name, mediaType: .video, streams: [SourceStreamDescription(ssrc: ssrc)]))
        }
        _ = channels.world.request([.updateEndpoint(member.number, media: media, remote: nil)])
        channels.hub.setSources(member.number, media.sources ?? [], at: channels.now)
        pictures[id] = names
    }

    /// Somebody says something over the channel.
    func say(_ id: String, _ colibriClass: String, _ members: String) {
        guard let member = channels[id],
            let message = try? JSONValue.parse(Array(#"{"colibriClass":"\#(colibriClass)",\#(members)}"#.utf8))
        else { return }
        channels.say(member, message)
    }

    /// What the focus says of somebody's last-N.
    func setInitialLastN(_ lastN: Int32, of id: String) {
        guard let member = channels[id] else { return }
        channels.hub.setInitialLastN(lastN, of: member.number, at: channels.now)
    }

    /// One talks for two seconds; who has talked before hums, and so does this one at first.
    func talk(_ id: String) {
        let start = channels.now + .seconds(0.1)
        let end = start + .seconds(2.0)
        channels.script.talks.append(SpeechScript.Talk(id: id, start: start, end: end))
        channels.run(until: end)
    }

    /// The pictures that somebody was told last that it gets.
    func told(_ id: String) -> Set<String> {
        guard case .array(let names) = channels[id]?.told("ForwardedSources").last?.message["forwardedSources"] else {
            return ["nothing was told"]
        }
        return Set(names.compactMap(\.stringValue))
    }

    /// What each gets when everybody sends a picture of each source.
    private func forwarded() -> [String: Set<String>] {
        for member in channels.members { channels.world.clients[member.index].received = [] }
        for member in channels.members {
            for name in pictures[member.id] ?? [] {
                for isKeyframe in [true, false] {
                    if let packet = channels.world.clients[member.index].makeRTP(
                        ssrc: ssrcs[name] ?? 0, payloadType: 100, payload: vp8(isKeyframe: isKeyframe))
                    {
                        channels.world.send([packet], from: member.index)
                    }
                }
            }
        }
        let names = Dictionary(uniqueKeysWithValues: ssrcs.map { ($1, $0) })
        var result: [String: Set<String>] = [:]
        for member in channels.members {
            result[member.id] = Set(channels.world.clients[member.index].received.compactMap { names[$0.ssrc] })
        }
        return result
    }

    /// Where worker and hub are not of one mind when nothing more happens.
    func disagreement() -> String? {
        channels.run(until: channels.now + .seconds(0.3))
        for (id, pictures) in forwarded().sorted(by: { $0.key < $1.key }) where pictures != told(id) {
            return "\(id) was told \(told(id).sorted()), gets \(pictures.sorted())"
        }
        return nil
    }
}

@Suite("Agreement of worker and hub on pictures")
struct AgreementTests {
    /// Something that happens in a meeting.
    private func happen(_ meeting: PictureMeeting, _ random: inout Random) throws {
        let present = meeting.channels.members.map(\.id)
        guard let one = present.randomElement(using: &random), let other = present.randomElement(using: &random) else {
            return
        }
        switch random.int(in: 0...9) {
        case 0 where present.count < 5: try meeting.join()
        case 1 where present.count > 3: meeting.leave(one)
        case 2, 3: meeting.talk(one)
        case 4, 5:
            // Some of its pictures, others than before, in any order.
            let names = (0..<3).map { "\(one).\($0)" }.shuffled(using: &random)
            meeting.signal(one, Array(names.prefix(random.int(in: 0...3))))
        case 6:
            let type = random.int(in: 0...1) == 0 ? "none" : "camera"
            meeting.say(
                one, "SourceVideoTypeMessage",
                #""sourceName":"\#(one).\#(random.int(in: 0...2))","videoType":"\#(type)""#)
        case 7:
            meeting.say(
                one, "ReceiverVideoConstraints",
                #""onStageSources":["\#(other).1"],"selectedSources":["\#(other).0","\#(other).2"]"#)
        case 8:
            let height = random.int(in: 0...1) * 180
            meeting.say(
                one, "ReceiverVideoConstraints", #""constraints":{"\#(other).0":{"maxHeight":\#(height)}}"#)
        default: meeting.say(one, "ReceiverVideoConstraints", #""lastN":\#(random.int(in: -1...4))"#)
        }
    }

    @Test("whoever speaks, comes, goes, lists its pictures anew or wants others: what is told is what is forwarded")
    func agreement() {
        let failure = checkProperty(cases: 8) { random in
            do {
                let meeting = try PictureMeeting(of: 4)
                for index in 0..<3 { meeting.say("e\(index)", "ReceiverVideoConstraints", #""lastN":\#(index + 1)"#) }
                for step in 0..<16 {
                    try happen(meeting, &random)
                    if let failure = meeting.disagreement() { return "step \(step): \(failure)" }
                }
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(failure == nil)
    }

    @Test("of those who never spoke the one who came first comes first, whenever its picture was signalled")
    func silent() throws {
        let meeting = try PictureMeeting(of: 4)
        meeting.signal("e1", [])
        #expect(meeting.disagreement() == nil)
        meeting.signal("e1", ["e1.1", "e1.0"])
        meeting.say("e0", "ReceiverVideoConstraints", #""lastN":1"#)
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == ["e1.1"])
        meeting.signal("e1", ["e1.0", "e1.1"])
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == ["e1.0"])
        // A later one that has spoken, and then a second.
        meeting.talk("e3")
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == ["e3.0"])
        meeting.talk("e2")
        meeting.say("e0", "ReceiverVideoConstraints", #""lastN":2"#)
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == ["e2.0", "e3.0"])
    }

    @Test("nobody gets more than 50 pictures, and everybody is told which")
    func fifty() throws {
        let meeting = try PictureMeeting(of: 3)
        meeting.signal("e1", (0..<40).map { "e1.\($0)" })
        meeting.signal("e2", (0..<20).map { "e2.\($0)" })
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0").count == 50 && meeting.told("e0").contains("e2.9"))
        meeting.say("e0", "ReceiverVideoConstraints", #""onStageSources":["e2.19"]"#)
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0").count == 50 && meeting.told("e0").contains("e2.19"))
        meeting.signal("e1", ["e1.0"])
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0").count == 21)
    }

    @Test("initial-last-n: one of two pictures is forwarded until the client has said another number itself")
    func initialLastN() throws {
        let meeting = try PictureMeeting(of: 3, height: 0)
        meeting.setInitialLastN(1, of: "e0")
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == [], "it has asked for none")
        // What lib-jitsi-meet says first names no number.
        for id in ["e0", "e1"] { meeting.say(id, "ReceiverVideoConstraints", #""assumedBandwidthBps":-1"#) }
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == ["e1.0"] && meeting.told("e1") == ["e0.0", "e2.0"])
        meeting.talk("e2")
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == ["e2.0"])
        meeting.say("e0", "ReceiverVideoConstraints", #""lastN":-1"#)
        meeting.setInitialLastN(1, of: "e0")
        #expect(meeting.disagreement() == nil)
        #expect(meeting.told("e0") == ["e1.0", "e2.0"], "the focus comes too late")
    }
}
