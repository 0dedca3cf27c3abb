// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import TestSupport
import Testing

@testable import BridgeChannel

@Suite("Slots in messages")
struct SlotTests {
    private func slot(
        _ meeting: Meeting, _ ssrc: UInt32, _ type: MediaType = .video, of owner: String?, mid: String? = nil
    ) -> SlotMapping {
        let name = owner.map { $0 + (type == .video ? "-v0" : "-a0") } ?? ""
        return SlotMapping(
            mediaType: type, ssrc: ssrc, rtxSSRC: type == .video ? ssrc + 1 : nil, mediaID: mid,
            source: owner.map { SlotMapping.Source(owner: meeting[$0].number, name: name) })
    }

    private func tell(_ meeting: Meeting, _ id: String, _ changes: SlotMapping...) {
        meeting.hub.handle(
            .slotsChanged(meeting[id].number, conference: meeting.conference, changes), at: meeting.now)
        meeting.advance(.milliseconds(10))
    }

    private func maps(_ meeting: Meeting, _ id: String) -> [String] {
        meeting[id].take().filter { $0.contains("SourcesMap") }
    }

    private static func video(_ owner: String, _ ssrc: UInt32, type: String = "CAMERA", mid: String? = nil) -> String {
        #"{"source":"\#(owner)-v0","owner":"\#(owner)","ssrc":\#(ssrc),"rtx":\#(ssrc + 1),"videoType":"\#(type)""#
            + (mid.map { #","mid":"\#($0)"}"# } ?? "}")
    }

    private static func message(_ type: String, _ entries: String...) -> String {
        #"{"colibriClass":"\#(type)SourcesMap","mappedSources":[\#(entries.joined(separator: ","))]}"#
    }

    @Test("what changed is told, video and audio apart, with numbers as numbers and types in upper case")
    func changes() {
        let meeting = Meeting()
        for id in ["anna", "ben", "carl"] { meeting.arrive(id) }
        meeting.signal("carl", ["carl-v0"], desktop: true)
        meeting.advance(.milliseconds(100))
        _ = meeting["anna"].take()
        tell(
            meeting, "anna", slot(meeting, 3_359_122_096, of: "ben"), slot(meeting, 7, .audio, of: "ben", mid: "a0"),
            slot(meeting, 20, of: "carl", mid: "v1"))
        #expect(
            maps(meeting, "anna") == [
                Self.message(
                    "Video", Self.video("ben", 3_359_122_096), Self.video("carl", 20, type: "DESKTOP", mid: "v1")),
                Self.message("Audio", #"{"source":"ben-a0","owner":"ben","ssrc":7,"mid":"a0"}"#),
            ])
        #expect(maps(meeting, "ben") == [], "it is anna's affair")
        // Another source in the same slot, nothing else.
        tell(meeting, "anna", slot(meeting, 20, of: "ben", mid: "v1"))
        #expect(maps(meeting, "anna") == [Self.message("Video", Self.video("ben", 20, mid: "v1"))])
        // That a source is gone is not told.
        tell(meeting, "anna", slot(meeting, 20, of: nil, mid: "v1"))
        #expect(maps(meeting, "anna") == [])
    }

    @Test("all that slots carry is told on every opening, behind ForwardedSources, and nothing where they are empty")
    func opening() throws {
        let meeting = Meeting()
        for id in ["ben", "carl"] { meeting.arrive(id) }
        meeting.join("anna")
        tell(
            meeting, "anna", slot(meeting, 30, .audio, of: "ben"), slot(meeting, 10, of: "ben"),
            slot(meeting, 20, of: "carl"))
        tell(meeting, "anna", slot(meeting, 20, of: nil))
        for _ in 0..<2 {
            meeting.openSocket("anna")
            meeting.advance(.milliseconds(10))
            let told = meeting["anna"].take()
            let classes = told.filter { $0.contains("SourcesMap") || $0.contains("ForwardedSources") }
            #expect(
                classes == [
                    #"{"colibriClass":"ForwardedSources","forwardedSources":[]}"#,
                    Self.message("Video", Self.video("ben", 10)),
                    Self.message("Audio", #"{"source":"ben-a0","owner":"ben","ssrc":30}"#),
                ])
            meeting.closeSocket("anna")
        }
        meeting.leave("ben")
        meeting.openSocket("anna")
        meeting.advance(.milliseconds(10))
        #expect(maps(meeting, "anna") == [], "nobody is told of who is gone")
    }

    @Test("who does not read is told all of it when it has read; many are told in several messages")
    func behind() {
        let meeting = Meeting()
        for id in ["anna", "ben"] { meeting.arrive(id) }
        meeting.advance(.milliseconds(100))
        _ = meeting["anna"].take()
        let slots = (0..<150).map { slot(meeting, UInt32(1_000 + 2 * $0), of: "ben") }
        meeting.hub.handle(
            .slotsChanged(meeting["anna"].number, conference: meeting.conference, slots), at: meeting.now)
        meeting.advance(.milliseconds(10))
        let told = maps(meeting, "anna")
        #expect(told.count == 3)
        #expect(slots.allSatisfy { slot in told.contains { $0.contains("\"ssrc\":\(slot.ssrc),") } })
        meeting.stopReading("anna")
        let text = String(repeating: "x", count: 60_000)
        for _ in 0..<8 {
            meeting.say("ben", #"{"colibriClass":"EndpointMessage","to":"anna","msgPayload":"\#(text)"}"#)
            meeting.advance(.milliseconds(10))
        }
        tell(meeting, "anna", slot(meeting, 1_000, of: "anna"))
        meeting.readAgain("anna")
        meeting.advance(.milliseconds(10))
        let all = maps(meeting, "anna")
        #expect(all.contains { $0.contains(#""source":"anna-v0","owner":"anna","ssrc":1000,"#) })
        #expect(all.contains { $0.contains("\"ssrc\":1298,") })
    }

    @Test("what the original told of slots comes out the same", arguments: ["ssrc-rewriting", "mid-demux"])
    func recorded(name: String) throws {
        let meeting = Meeting()
        let lines = try RecordedChannel("\(name)-participant-b").lines
        meeting.arrive("receiver")
        let owners = Set(
            lines.flatMap { $0.message["mappedSources"]?.arrayValue ?? [] }.compactMap { $0["owner"]?.stringValue })
        for owner in owners { meeting.arrive(owner) }
        meeting.advance(.milliseconds(100))
        _ = meeting["receiver"].take()
        var count = 0
        for line in lines where line.colibriClass.hasSuffix("SourcesMap") {
            let entry = try #require(line.message["mappedSources"]?.arrayValue?.first)
            let owner = try #require(entry["owner"]?.stringValue)
            let isVideo = line.colibriClass == "VideoSourcesMap"
            let mapping = SlotMapping(
                mediaType: isVideo ? .video : .audio, ssrc: UInt32(try #require(entry["ssrc"]?.integerValue)),
                rtxSSRC: entry["rtx"]?.integerValue.map { UInt32($0) }, mediaID: entry["mid"]?.stringValue,
                source: SlotMapping.Source(
                    owner: meeting[owner].number, name: try #require(entry["source"]?.stringValue)))
            tell(meeting, "receiver", mapping)
            let told = try #require(maps(meeting, "receiver").first)
            #expect(try JSONValue.parse(Array(told.utf8)) == line.message)
            count += 1
        }
        #expect(count == 4)
    }

    @Test("slots of nobody, of strangers and of endpoints that are gone are passed over")
    func strangers() {
        let meeting = Meeting()
        for id in ["anna", "ben"] { meeting.arrive(id) }
        let slot = slot(meeting, 5, of: "ben")
        let gone = meeting["ben"].number
        meeting.leave("ben")
        meeting.advance(.milliseconds(100))
        _ = meeting["anna"].take()
        meeting.hub.handle(.slotsChanged(gone, conference: meeting.conference, [slot]), at: meeting.now)
        tell(meeting, "anna", slot)
        #expect(maps(meeting, "anna") == [])
    }
}
