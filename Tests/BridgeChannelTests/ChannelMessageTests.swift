// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import TestSupport
import Testing

@testable import BridgeChannel

@Suite("Messages")
struct ChannelMessageTests {
    private func read(_ text: String) throws(BridgeChannelError) -> ChannelMessage {
        try ChannelMessage(Array(text.utf8))
    }

    /// Each class in the form of the specification or of a recording, and what it means.
    static let catalogue: [(String, ChannelMessage)] = {
        var constraints = VideoConstraintsChange()
        constraints.lastN = 12
        constraints.selectedSources = []
        constraints.onStageSources = ["7d21ab03-v0"]
        constraints.defaultConstraint = VideoConstraint(maxHeight: 180, maxFrameRate: -1)
        constraints.constraints = ["7d21ab03-v0": VideoConstraint(maxHeight: 1080, maxFrameRate: 30)]
        constraints.assumedBandwidth = -1
        return [
            (#"{"colibriClass":"ClientHello"}"#, .clientHello),
            (#"{"colibriClass":"ServerHello"}"#, .serverHello(version: nil)),
            (#"{"colibriClass":"ServerHello","version":"2.3-x"}"#, .serverHello(version: "2.3-x")),
            (
                #"{"colibriClass":"ReceiverVideoConstraints","lastN":12,"selectedSources":[],"onStageSources":"#
                    + #"["7d21ab03-v0"],"defaultConstraints":{"maxHeight":180,"maxFrameRate":-1.0},"constraints":"#
                    + #"{"7d21ab03-v0":{"maxHeight":1080,"maxFrameRate":30.0}},"assumedBandwidthBps":-1}"#,
                .receiverVideoConstraints(constraints)
            ),
            (#"{"colibriClass":"LastNChangedEvent","lastN":5}"#, .lastNChanged(5)),
            (
                #"{"colibriClass":"ReceiverAudioSubscription","all":true,"include":["7d21ab03-a0.fr"],"#
                    + #""exclude":["0c44e1f9-a0"]}"#,
                .receiverAudioSubscription(
                    AudioSubscription(all: true, include: ["7d21ab03-a0.fr"], exclude: ["0c44e1f9-a0"]))
            ),
            (
                #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"7d21ab03-v1","videoType":"DESKTOP_HIGH_FPS","#
                    + #""endpointId":"7d21ab03"}"#,
                .sourceVideoType(source: "7d21ab03-v1", type: .desktopHighFrameRate, endpoint: "7d21ab03")
            ),
            (#"{"colibriClass":"VideoTypeMessage","videoType":"CAMERA"}"#, .videoType(.camera)),
            (
                #"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"7d21ab03","#
                    + #""previousSpeakers":["0c44e1f9"],"silence":false}"#,
                .dominantSpeaker(dominant: "7d21ab03", previous: ["0c44e1f9"], isSilent: false)
            ),
            (
                #"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"0c44e1f9","active":"false"}"#,
                .connectivity(endpoint: "0c44e1f9", isActive: false)
            ),
            (
                #"{"colibriClass":"ForwardedSources","forwardedSources":["7d21ab03-v0","0c44e1f9-v0"]}"#,
                .forwardedSources(["7d21ab03-v0", "0c44e1f9-v0"])
            ),
            (
                #"{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"7d21ab03-v0","owner":"7d21ab03","#
                    + #""ssrc":2711190333,"rtx":885120417,"videoType":"CAMERA","mid":"v0"},{"source":"b-v0","#
                    + #""owner":"b","ssrc":1,"rtx":-1,"videoType":"DESKTOP"}]}"#,
                .videoSourcesMap([
                    VideoSourceMapping(
                        source: "7d21ab03-v0", owner: "7d21ab03", ssrc: 2_711_190_333, rtx: 885_120_417,
                        videoType: .camera, mid: "v0"),
                    VideoSourceMapping(source: "b-v0", owner: "b", ssrc: 1, rtx: nil, videoType: .desktop),
                ])
            ),
            (
                #"{"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"7d21ab03-a0","owner":"7d21ab03","#
                    + #""ssrc":1093322781,"mid":"a0"}]}"#,
                .audioSourcesMap([
                    AudioSourceMapping(source: "7d21ab03-a0", owner: "7d21ab03", ssrc: 1_093_322_781, mid: "a0")
                ])
            ),
            (
                #"{"colibriClass":"SenderSourceConstraints","sourceName":"0c44e1f9-v0","maxHeight":360}"#,
                .senderSourceConstraints(source: "0c44e1f9-v0", maxHeight: 360)
            ),
            (
                #"{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":3180000}"#,
                .connectionStats(estimatedDownlinkBandwidth: 3_180_000)
            ),
            (
                #"{"colibriClass":"SyntheticSourceSendingChangeEvent","sourceName":"7d21ab03-a0.fr","sending":true,"#
                    + #""timestamp":4294967295}"#,
                .syntheticSourceSending(source: "7d21ab03-a0.fr", isSending: true, timestamp: .max)
            ),
            (
                #"{"colibriClass":"AddReceiver","bridgeId":"jvb-2","sourceName":"7d21ab03-v0","videoConstraints":"#
                    + #"{"maxHeight":720,"maxFrameRate":-1.0}}"#,
                .addReceiver(bridge: "jvb-2", source: "7d21ab03-v0", VideoConstraint(maxHeight: 720, maxFrameRate: -1))
            ),
            (
                #"{"colibriClass":"RemoveReceiver","bridgeId":"jvb-2","endpointId":"7d21ab03"}"#,
                .removeReceiver(bridge: "jvb-2", endpoint: "7d21ab03")
            ),
        ]
    }()

    @Test("each class is read, and written to the byte", arguments: catalogue)
    func everyClass(text: String, message: ChannelMessage) throws {
        #expect(try read(text) == message)
        #expect(String(decoding: message.encoded(), as: UTF8.self) == text)
        #expect(text.hasPrefix(#"{"colibriClass":"\#(message.colibriClass)""#))
    }

    @Test("what is passed on keeps its text")
    func passedOn() throws {
        let text = #"{"to" : "x", "colibriClass":"EndpointMessage","msgPayload":{"a":[1,2.0]} }"#
        guard case .endpointMessage(let message) = try read(text) else {
            Issue.record("another class")
            return
        }
        #expect(message.to == "x")
        #expect(!message.isBroadcast)
        #expect(message.text.from == nil)
        #expect(String(decoding: ChannelMessage.endpointMessage(message).encoded(), as: UTF8.self) == text)
        let statistics = #"{"colibriClass":"EndpointStats","from":"a","x":[]}"#
        guard case .endpointStats(let relayed) = try read(statistics) else {
            Issue.record("another class")
            return
        }
        #expect(relayed.from == "a")
        #expect(String(decoding: ChannelMessage.endpointStats(relayed).encoded(), as: UTF8.self) == statistics)
    }

    @Test("both forms of the audio subscription mean the same")
    func audioForms() throws {
        let forms: [(String, AudioSubscription)] = [
            (#""mode":"All""#, AudioSubscription(all: true)),
            (#""mode":"None","list":["x"]"#, AudioSubscription(all: false)),
            (#""mode":"Include","list":["x"]"#, AudioSubscription(all: false, include: ["x"])),
            (#""mode":"Exclude","list":["x"]"#, AudioSubscription(all: true, exclude: ["x"])),
            (#""mode":"exclude""#, AudioSubscription(all: true)),
            (#""include":["x"]"#, AudioSubscription(all: false, include: ["x"])),
            (#""all":true,"include":null"#, AudioSubscription(all: true)),
        ]
        for (members, subscription) in forms {
            #expect(
                try read(#"{"colibriClass":"ReceiverAudioSubscription",\#(members)}"#)
                    == .receiverAudioSubscription(subscription), "\(members)")
        }
    }

    @Test("readers are lenient: unknown members, null, numbers as text, fractions, any case, any order")
    func lenience() throws {
        #expect(try read(#" {"x":{"y":[{}]},"colibriClass":"ClientHello"} "#) == .clientHello)
        #expect(try read(#"{"lastN":"7","colibriClass":"LastNChangedEvent"}"#) == .lastNChanged(7))
        #expect(try read(#"{"lastN":7.9,"colibriClass":"LastNChangedEvent"}"#) == .lastNChanged(7))
        #expect(try read(#"{"lastN":-7,"colibriClass":"LastNChangedEvent"}"#) == .lastNChanged(-1))
        #expect(
            try read(#"{"colibriClass":"SourceVideoTypeMessage","sourceName":"v","videoType":"Desktop"}"#)
                == .sourceVideoType(source: "v", type: .desktop, endpoint: nil))
        #expect(
            try read(#"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"e","active":true}"#)
                == .connectivity(endpoint: "e", isActive: true))
        #expect(
            try read(#"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"e"}"#)
                == .dominantSpeaker(dominant: "e", previous: [], isSilent: false))
        var change = VideoConstraintsChange()
        change.defaultConstraint = VideoConstraint(maxHeight: 90)
        #expect(
            try read(
                #"{"colibriClass":"ReceiverVideoConstraints","lastN":null,"#
                    + #""defaultConstraints":{"maxHeight":90,"maxFrameRate":null,"idealHeight":7}}"#)
                == .receiverVideoConstraints(change))
    }

    @Test("lists beyond the limit are cut, names that can name nothing are left out")
    func cutLists() throws {
        let names = (0..<1_200).map { "\"s\($0)\"" }.joined(separator: ",")
        let long = String(repeating: "x", count: BridgeChannelLimits.nameBytes + 1)
        guard
            case .receiverVideoConstraints(let change) = try read(
                #"{"colibriClass":"ReceiverVideoConstraints","selectedSources":[\#(names)],"#
                    + #""onStageSources":["\#(long)","a"],"constraints":{"\#(long)":{"maxHeight":1}}}"#)
        else {
            Issue.record("another class")
            return
        }
        #expect(change.selectedSources?.count == BridgeChannelLimits.names)
        #expect(change.onStageSources == ["a"])
        #expect(change.constraints == [:])
    }

    /// One text for each way to be refused, and some more.
    static let refused: [(String, BridgeChannelError)] = [
        ("", .invalidJSON), ("{", .invalidJSON), ("{}}", .invalidJSON), (#"{"a":01}"#, .invalidJSON),
        (#"{"colibriClass":"ClientHello",}"#, .invalidJSON), (#"{'a':1}"#, .invalidJSON), (#"{"a":+1}"#, .invalidJSON),
        (#"{"a":"\x"}"#, .invalidJSON), ("{\"a\":\"\n\"}", .invalidJSON), (#"{"a":"\u12"}"#, .invalidJSON),
        (#"{"a":nul}"#, .invalidJSON), (#"{"a":1.}"#, .invalidJSON), (#"{"a":1e}"#, .invalidJSON),
        (#"{"a" 1}"#, .invalidJSON), (#"{"a":[1 2]}"#, .invalidJSON), (#"{"a":"\u00zz"}"#, .invalidJSON),
        ("[]", .notAnObject), ("7", .notAnObject), (#""x""#, .notAnObject), ("null", .notAnObject),
        (#"{"a":1,"a":1}"#, .duplicateName), (#"{"b":{"a":1,"c":2,"\u0061":1}}"#, .duplicateName),
        (#"{"b":[{"a":1,"c":{},"a":1}]}"#, .duplicateName),
        ("{}", .noClass), (#"{"colibriClass":7}"#, .noClass), (#"{"colibriClass":null}"#, .noClass),
        (#"{"colibriClass":"PinnedEndpointChangedEvent"}"#, .unknownClass),
        (#"{"colibriClass":"clienthello"}"#, .unknownClass),
        (#"{"colibriClass":"LastNChangedEvent"}"#, .missingField),
        (#"{"colibriClass":"LastNChangedEvent","lastN":null}"#, .missingField),
        (#"{"colibriClass":"LastNChangedEvent","lastN":"x"}"#, .invalidField),
        (#"{"colibriClass":"LastNChangedEvent","lastN":1e300}"#, .invalidField),
        (#"{"colibriClass":"LastNChangedEvent","lastN":1e999}"#, .invalidField),
        (#"{"colibriClass":"LastNChangedEvent","lastN":4294967296}"#, .invalidField),
        (#"{"colibriClass":"EndpointMessage","msgPayload":{}}"#, .missingField),
        (#"{"colibriClass":"EndpointMessage","to":7}"#, .invalidField),
        (#"{"colibriClass":"SourceVideoTypeMessage","videoType":"camera"}"#, .missingField),
        (#"{"colibriClass":"SourceVideoTypeMessage","sourceName":"v"}"#, .missingField),
        (#"{"colibriClass":"SourceVideoTypeMessage","sourceName":"v","videoType":"film"}"#, .unknownValue),
        (#"{"colibriClass":"ReceiverAudioSubscription","mode":"Some"}"#, .unknownValue),
        (#"{"colibriClass":"ReceiverAudioSubscription","all":true,"include":"x"}"#, .invalidField),
        (#"{"colibriClass":"ReceiverAudioSubscription","all":7}"#, .invalidField),
        (#"{"colibriClass":"ReceiverVideoConstraints","constraints":[]}"#, .invalidField),
        (#"{"colibriClass":"ReceiverVideoConstraints","constraints":{"a":{"maxHeight":-2}}}"#, .invalidField),
        (#"{"colibriClass":"ReceiverVideoConstraints","constraints":{"a":{}}}"#, .missingField),
        (#"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":7}"#, .invalidField),
        (#"{"colibriClass":"ReceiverVideoConstraints","selectedSources":[7]}"#, .invalidField),
        (
            #"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":1,"maxFrameRate":"x"}}"#,
            .invalidField
        ),
        (#"{"colibriClass":"VideoSourcesMap"}"#, .missingField),
        (
            #"{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"a","owner":"b","ssrc":-1,"rtx":-1,"#
                + #""videoType":"CAMERA"}]}"#, .invalidField
        ),
        (
            #"{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"a","owner":"b","ssrc":1,"rtx":-2,"#
                + #""videoType":"CAMERA"}]}"#, .invalidField
        ),
        (#"{"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"a","ssrc":1}]}"#, .missingField),
        (#"{"colibriClass":"AddReceiver","bridgeId":"b","sourceName":"s"}"#, .missingField),
        (
            #"{"colibriClass":"SyntheticSourceSendingChangeEvent","sourceName":"s","sending":true,"timestamp":-1}"#,
            .invalidField
        ),
    ]

    @Test("whatever makes no sense is refused with its reason", arguments: refused)
    func refusal(text: String, reason: BridgeChannelError) {
        #expect(throws: reason) { try read(text) }
    }

    @Test("a text that is too long, too deep, too wide or no text is refused")
    func limits() throws {
        let head = #"{"colibriClass":"ClientHello","x":"#
        let room = BridgeChannelLimits.messageBytes - head.utf8.count - 3
        let fits = head + "\"" + String(repeating: "x", count: room) + "\"}"
        #expect(try read(fits) == .clientHello)
        #expect(throws: BridgeChannelError.tooLong) { try read(fits + " ") }
        func nested(_ depth: Int) -> String {
            head + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(try read(nested(BridgeChannelLimits.depth - 1)) == .clientHello)
        #expect(throws: BridgeChannelError.tooDeep) { try read(nested(BridgeChannelLimits.depth)) }
        func wide(_ count: Int) -> String {
            "{\"colibriClass\":\"ClientHello\"" + (1..<count).map { ",\"m\($0)\":0" }.joined() + "}"
        }
        #expect(try read(wide(BridgeChannelLimits.members)) == .clientHello)
        #expect(throws: BridgeChannelError.tooManyMembers) { try read(wide(BridgeChannelLimits.members + 1)) }
        for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] {
            #expect(throws: BridgeChannelError.invalidText) {
                try ChannelMessage(Array(head.utf8) + [0x22] + bytes + [0x22, 0x7D])
            }
        }
    }

    @Test("every reason to refuse has its text")
    func everyReason() {
        let byLength: Set<BridgeChannelError> = [.tooLong, .tooDeep, .tooManyMembers, .invalidText]
        #expect(Set(Self.refused.map(\.1)).union(byLength) == Set(BridgeChannelError.allCases))
    }

    @Test("whatever is damaged is refused or read, and what is read is read again from what is written")
    func damage() {
        #expect(
            checkProperty(cases: 3_000) { random in
                var texts = Self.catalogue.map(\.0)
                texts.append(
                    #"{"colibriClass":"EndpointMessage","to":"","from":"a","msgPayload":{"x":"\ud83d\ude00"}}"#)
                let bytes = mutate(Array((texts.randomElement(using: &random) ?? "").utf8), using: &random)
                guard let message = try? ChannelMessage(bytes) else { return nil }
                guard let again = try? ChannelMessage(message.encoded()) else { return "what is written is not read" }
                return again == message ? nil : "\(again) is not \(message)"
            } == nil)
    }
}
