// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import LoadGenerator

/// A bridge's message routing on virtual time, as far as participants can see it: greets, tells the speaker a while
/// after the levels changed, passes endpoint messages and statistics on. Faults can be ordered.
struct FakeHub {
    /// What goes wrong with the messages of a call.
    enum Fault: CaseIterable {
        case none
        /// The first message to all does not reach the last participant.
        case loseMessage
        case doubleMessage
        case alterMessage
        /// Says that somebody else sent it.
        case alterSender
        /// Hands a message for one to another.
        case misdeliver
        /// Passes nobody's statistics to the last participant.
        case loseStats
        /// Tells nobody the second speaker.
        case missChange
        /// Tells the last participant a wrong speaker.
        case wrongSpeaker
        /// Tells the speaker after the turn is over.
        case lateChange
        /// Says that somebody is unreachable.
        case unreachable
        /// Sends something that is no message.
        case nonsense
        /// Never greets.
        case silence
        /// Says something else before the greeting.
        case lateHello
    }

    static let noticing = TimeDelta.milliseconds(600)
    var clients: [ChannelClient]
    let conference: PlannedConference
    let script: SpeakerScript
    let fault: Fault
    var statistics = ChannelStatistics()
    private var told: Int?
    private var isDone = false
    private var heard: [[String]] = []

    init(_ options: LoadOptions, _ fault: Fault) {
        let plan = Plan(options)
        conference = plan.participants[0].conference
        clients = plan.participants.map {
            ChannelClient(
                $0, isSCTP: options.channel == .sctp, messageRate: options.messageRate,
                verification: options.verification)
        }
        var script = SpeakerScript(options)
        script.begin = Timestamp(nanoseconds: 1_000_000_000)
        self.script = script
        self.fault = fault
    }

    /// Holds the whole call.
    mutating func run(until end: Timestamp, isSCTP: Bool) {
        var now = Timestamp.zero
        for index in clients.indices {
            clients[index].open()
            if fault == .lateHello { tell(index, #"{"colibriClass":"ForwardedSources","forwardedSources":[]}"#, now) }
            if !isSCTP, fault != .silence { tell(index, #"{"colibriClass":"ServerHello"}"#, now) }
        }
        while now < end {
            if now == script.begin {
                for index in clients.indices { clients[index].begin(script, until: end, at: now) }
            }
            for index in clients.indices {
                if let due = clients[index].nextTimeout, due <= now {
                    clients[index].handleTimeout(at: now, &statistics)
                }
                while let message = clients[index].pollMessage() { route(message, from: index, at: now) }
            }
            tellSpeaker(at: now)
            now = now + .milliseconds(10)
        }
        for index in clients.indices {
            clients[index].stop()
            clients[index].count(until: now, isUnfiltered: true, into: &statistics)
        }
    }

    private mutating func tell(_ index: Int, _ text: String, _ now: Timestamp) {
        clients[index].receive(Array(text.utf8), at: now, &statistics)
    }

    private mutating func tellSpeaker(at now: Timestamp) {
        let delay = fault == .lateChange ? script.turn + Self.noticing : Self.noticing
        guard let turn = script.number(at: Timestamp(nanoseconds: now.nanoseconds - delay.nanoseconds)) else { return }
        let speaker = SpeakerScript.speaker(in: turn, of: conference.speakers)
        guard speaker != told, !(fault == .missChange && turn == 1) else { return }
        told = speaker
        for index in clients.indices {
            let isWrong = fault == .wrongSpeaker && turn == 1 && index == clients.count - 1
            let name = conference.members[isWrong ? (speaker + 1) % conference.members.count : speaker].endpoint
            let text = #"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"\#(name)","#
            tell(index, text + #""previousSpeakers":[],"silence":false}"#, now)
        }
    }

    private mutating func route(_ message: [UInt8], from sender: Int, at now: Timestamp) {
        guard let json = try? JSONValue.parse(message), case .object(let members) = json else { return }
        let name = conference.members[sender].endpoint
        let signed = JSONValue.object(members + [JSONMember(name: "from", value: .string(name))]).text
        switch json["colibriClass"]?.stringValue {
        case "ClientHello": if fault != .silence { tell(sender, #"{"colibriClass":"ServerHello"}"#, now) }
        case "EndpointMessage":
            let to = json["to"]?.stringValue ?? ""
            for index in clients.indices
            where to.isEmpty ? index != sender : conference.members[index].endpoint == to {
                pass(signed, to: index, name, isForAll: to.isEmpty, at: now)
            }
        case "EndpointStats":
            for index in clients.indices
            where index != sender && !(fault == .loseStats && index == clients.count - 1) {
                tell(index, signed, now)
            }
        default: break
        }
    }

    private mutating func pass(_ text: String, to index: Int, _ name: String, isForAll: Bool, at now: Timestamp) {
        let isHit = !isDone && isForAll == (fault != .misdeliver) && fault != .none
        guard isHit else { return tell(index, text, now) }
        switch fault {
        case .loseMessage: isDone = true
        case .doubleMessage:
            tell(index, text, now)
            tell(index, text, now)
            isDone = true
        case .alterMessage:
            tell(index, text.replacing("Grüße", with: "Gruesse"), now)
            isDone = true
        case .alterSender:
            let other = conference.members.first { $0.endpoint != name }?.endpoint ?? ""
            tell(index, text.replacing(#""from":"\#(name)""#, with: #""from":"\#(other)""#), now)
            isDone = true
        case .misdeliver:
            tell((index + 1) % clients.count, text, now)
            isDone = true
        case .unreachable:
            let event =
                #"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"\#(name)","active":"false"}"#
            tell(index, event, now)
            tell(index, text, now)
            isDone = true
        case .nonsense:
            tell(index, #"{"colibriClass":"ServerHello""#, now)
            tell(index, text, now)
            isDone = true
        default: tell(index, text, now)
        }
    }
}
