// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import XML

@testable import LoadGenerator

@Suite("Slots that the bridge tells of")
struct SlotBookTests {
    /// A conference of three of whom two send.
    private func book(isActive: Bool = true) throws -> (SlotBook, PlannedConference) {
        var options = LoadOptions()
        (options.participants, options.audioSenders, options.videoSenders) = (3, 2, 2)
        options.repairs = true
        let conference = try #require(Plan(options).participants.first).conference
        return (SlotBook(conference, isActive: isActive), conference)
    }

    @Test("without rewriting streams have their own SSRCs, and what is told means nothing")
    func plain() throws {
        var (book, conference) = try book(isActive: false)
        let entry = SlotBook.Entry(source: "\(conference.members[1].endpoint)-v0", ssrc: 77, repairSSRC: 78)
        let isTaken = book.take(entry)
        #expect(!isTaken)
        let stream = conference.streams[3]
        #expect(book.index(of: stream.ssrc) == 3 && book.ssrc(of: 3) == stream.ssrc && book.index(of: 77) == nil)
        #expect(book.index(ofRepair: stream.repairSSRC(ofEncoding: 0)) == 3)
    }

    @Test("with rewriting they have those that were told, and no others; a slot that changes hands is the new one's")
    func told() throws {
        var (book, conference) = try book()
        let names = conference.members.map(\.endpoint)
        for index in conference.streams.indices {
            #expect(book.index(of: conference.streams[index].ssrc) == nil && book.ssrc(of: index) == nil)
        }
        let taken1 = book.take(.init(source: "\(names[0])-v0", ssrc: 10, repairSSRC: 11))
        #expect(taken1)
        let taken2 = book.take(.init(source: "\(names[1])-a0", ssrc: 20, repairSSRC: nil))
        #expect(taken2)
        #expect(book.index(of: 10) == 2 && book.index(ofRepair: 11) == 2 && book.index(of: 20) == 1)
        #expect(book.index(of: 11) == nil && book.index(ofRepair: 10) == nil)
        #expect(book.ssrc(of: 2) == 10 && book.ssrc(of: 1) == 20 && book.ssrc(of: 3) == nil)
        let taken3 = book.take(.init(source: "\(names[1])-v0", ssrc: 10, repairSSRC: 11))
        #expect(taken3)
        #expect(book.index(of: 10) == 3 && book.ssrc(of: 2) == nil && book.ssrc(of: 3) == 10)
        let taken4 = book.take(.init(source: "\(names[1])-v0", ssrc: 30, repairSSRC: 31))
        #expect(taken4)
        #expect(book.index(of: 10) == nil && book.index(of: 30) == 3)
        // Nobody's, of the wrong kind, an SSRC of repeats.
        for (source, ssrc, repair) in [
            ("\(names[2])-v0", 40, 41), ("stranger-a0", 40, nil), ("\(names[0])-v0", 40, nil),
            ("\(names[0])-a0", 40, 41), ("\(names[0])-a0", 31, nil),
        ] as [(String, UInt32, UInt32?)] {
            let taken5 = book.take(.init(source: source, ssrc: ssrc, repairSSRC: repair))
            #expect(!taken5, "\(source)")
        }
        #expect(book.index(of: 40) == nil)
    }

    @Test("maps are read as clients read them: numbers, the owner's name, RTX for pictures alone")
    func messages() {
        func read(_ text: String) -> ChannelMessage? { ChannelMessage(Array(text.utf8)) }
        func video(_ rest: String) -> String {
            #"{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"ab-v0","owner":"ab",\#(rest)}]}"#
        }
        #expect(
            read(video(#""ssrc":3359122096,"rtx":7,"videoType":"CAMERA","mid":"v0""#))
                == .slots([.init(source: "ab-v0", ssrc: 3_359_122_096, repairSSRC: 7)]))
        #expect(
            read(#"{"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"ab-a0","owner":"ab","ssrc":7}]}"#)
                == .slots([.init(source: "ab-a0", ssrc: 7, repairSSRC: nil)]))
        for wrong in [
            #""ssrc":"7","rtx":8,"videoType":"CAMERA""#, #""ssrc":7,"rtx":-1,"videoType":"CAMERA""#,
            #""ssrc":7,"rtx":8,"videoType":"camera""#, #""ssrc":7,"videoType":"CAMERA""#, #""rtx":8"#,
        ] {
            #expect(read(video(wrong)) == nil, "\(wrong)")
        }
    }

    @Test("it is asked for as a capability, and only with a channel")
    func options() throws {
        guard case .run(let options) = try LoadOptions.parse(["--ssrc-rewriting"]) else {
            Issue.record("no run")
            return
        }
        #expect(options.isRewriting)
        #expect(throws: LoadError.self) { try LoadOptions.parse(["--ssrc-rewriting", "--channel", "none"]) }
        for rewriting in [false, true] {
            let request = FocusRequest.create(endpoint: "a", newConference: true, sctp: true, rewriting: rewriting)
            let xml = ColibriXML.element(request, meeting: "m", name: "n").serialized()
            #expect(xml.contains("ssrc-rewriting") == rewriting && xml.contains("source-names"))
            let json = String(decoding: ColibriJSON.body(request, meeting: "m", name: "n").serialized(), as: UTF8.self)
            #expect(json.contains(#""ssrc-rewriting""#) == rewriting && json.contains(#""source-names""#))
        }
    }
}
