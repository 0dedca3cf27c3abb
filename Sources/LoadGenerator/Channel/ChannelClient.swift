// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import Synchronization

/// What one participant says on its bridge channel and expects to be told, whatever carries the channel.
///
/// States: *closed* → *open* (it has said what lib-jitsi-meet says at once) → *greeted* (ServerHello came) → *in the
/// call* (``begin(_:until:at:)``: endpoint messages, statistics, speakers are followed) → *stopped* (it only listens).
struct ChannelClient {
    private let conference: PlannedConference
    /// Our place in the conference.
    private let member: Int
    /// Whether we greet: on data channels.
    private let isSCTP: Bool
    private let videoSource: String?
    /// What we ask for of the others' video.
    var wishes: ReceiverWishes
    /// How high our own video may be, said since it was last asked; negative: as high as it can.
    private var heightLimit: Int64?
    private var outgoing: [[UInt8]] = []
    /// Slots of which we were told since the last look.
    private var slots: [SlotBook.Entry] = []

    /// Whether the bridge has greeted us.
    private(set) var hasHello = false
    private var hasReceived = false

    private var script: SpeakerScript?
    /// The turn that is being followed, and whether its speaker was told.
    private var turn = -1
    private var isTurnTold = true
    /// Whom we were told last.
    private var speaker: Int?

    /// Between two of our messages to everybody; `nil`: there is one alone.
    private let messageInterval: TimeDelta?
    /// After this no further one is sent.
    private var messagesEnd = Timestamp.zero
    private var sentToAll: UInt32 = 0
    private var toAllDue: Timestamp?
    private var toOneDue: Timestamp?
    private var statsDue: Timestamp?
    /// How many messages each of the others must have sent to everybody, by the last that came.
    private var heardFromAll: [UInt32]
    /// Whether the one to us alone came.
    private var heardFromOne = false
    /// Of so many messages one is read as a whole; the others only where a glance does not do.
    private let checkInterval: UInt64
    private var received: UInt64 = 0
    private var statsHeard: UInt64 = 0

    /// - Parameter messageRate: endpoint messages a second that the members of the conference send to everybody
    ///   together; 0: each sends one in all.
    init(
        _ planned: PlannedParticipant, isSCTP: Bool, messageRate: Int = 0,
        verification: LoadOptions.Verification = .all, constraints: ConstraintScript? = nil
    ) {
        wishes = ReceiverWishes(planned, constraints)
        checkInterval = UInt64(verification.interval)
        conference = planned.conference
        member = planned.member
        self.isSCTP = isSCTP
        videoSource = planned.video.map { _ in "\(planned.endpoint)-v0" }
        let count = planned.conference.members.count
        messageInterval = messageRate > 0 ? .seconds(Double(count) / Double(messageRate)) : nil
        heardFromAll = [UInt32](repeating: 0, count: count)
    }

    private var own: PlannedMember { conference.members[member] }

    // MARK: Saying

    /// The channel is open: says what lib-jitsi-meet says, without waiting for ServerHello.
    mutating func open() {
        if isSCTP { outgoing.append(ChannelMessage.clientHello) }
        if let videoSource { outgoing.append(ChannelMessage.videoType(ofSource: videoSource)) }
        outgoing.append(ChannelMessage.firstConstraints)
        outgoing.append(wishes.message)
    }

    /// The call begins: everybody's channel is open that ever will be.
    /// - Parameter end: when it ends; endpoint messages are sent in its first half, not all at once, or at their rate
    ///   until shortly before.
    mutating func begin(_ script: SpeakerScript, until end: Timestamp, at now: Timestamp) {
        self.script = script
        wishes.begin(at: now)
        let count = conference.members.count
        // Statistics as clients send them; the first ones early, so that short calls see some as well.
        statsDue = now + .nanoseconds((end - now).nanoseconds * Int64(member + 1) / Int64(2 * count + 2))
        guard count > 1 else { return }
        let window = (end - now).nanoseconds / 2
        let place = now + .nanoseconds(window * Int64(member) / Int64(count))
        toOneDue = place + .nanoseconds(window / 2 / Int64(count))
        if let messageInterval {
            messagesEnd = end - LoadGeneratorLimits.quietTail
            toAllDue = now + .nanoseconds(messageInterval.nanoseconds * Int64(member) / Int64(count))
        } else {
            toAllDue = place
        }
    }

    /// Nothing more is said.
    mutating func stop() {
        (toAllDue, toOneDue, statsDue) = (nil, nil, nil)
        wishes.stop()
    }

    /// When ``handleTimeout(at:_:)`` has something to do.
    var nextTimeout: Timestamp? { earlier(earlier(toAllDue, toOneDue), earlier(statsDue, wishes.due)) }

    /// Says what is due.
    mutating func handleTimeout(at now: Timestamp, _ statistics: inout ChannelStatistics) {
        if let due = toAllDue, due <= now {
            say(to: "", at: now)
            sentToAll += 1
            statistics.sentToAll += 1
            own.sentToAll.store(sentToAll, ordering: .releasing)
            toAllDue = messageInterval.map { due.following($0, now) }.flatMap { $0 < messagesEnd ? $0 : nil }
        }
        if let due = toOneDue, due <= now {
            toOneDue = nil
            let other = conference.members[(member + 1) % conference.members.count]
            say(to: other.endpoint, at: now)
            statistics.sentToOne += 1
            own.hasSentToOne.store(true, ordering: .releasing)
        }
        if let due = wishes.due, due <= now, wishes.goOn() { outgoing.append(wishes.message) }
        if let due = statsDue, due <= now {
            statsDue = due.following(LoadGeneratorLimits.statsInterval, now)
            outgoing.append(ChannelMessage.endpointStats)
            statistics.statsSent += 1
            own.statsSent.add(1, ordering: .releasing)
        }
    }

    private mutating func say(to other: String, at now: Timestamp) {
        outgoing.append(
            ChannelMessage.endpointMessage(to: other, sender: own.endpoint, number: sentToAll, at: now))
    }

    /// What the bridge last said of the height of our own video, once.
    mutating func takeHeightLimit() -> Int64? {
        defer { heightLimit = nil }
        return heightLimit
    }

    /// The slots of which the bridge has told since the last call, in order.
    mutating func takeSlots() -> [SlotBook.Entry] {
        defer { slots = [] }
        return slots
    }

    /// The next message to send.
    mutating func pollMessage() -> [UInt8]? { outgoing.isEmpty ? nil : outgoing.removeFirst() }

    // MARK: Being told

    /// A message came.
    mutating func receive(_ text: [UInt8], at now: Timestamp, _ statistics: inout ChannelStatistics) {
        statistics.received += 1
        received += 1
        if received % checkInterval != 0, hasHello, let glance = ChannelMessage.Glance(text),
            let place = conference.place(of: glance.from), place != member
        {
            noteToAll(from: place, number: glance.number, &statistics)
            return
        }
        guard let message = ChannelMessage(text) else {
            statistics.malformed += 1
            return
        }
        // On a WebSocket the bridge speaks first (media-plane.md 11.5).
        if !isSCTP, !hasReceived, message != .serverHello { statistics.lateHellos += 1 }
        hasReceived = true
        switch message {
        case .serverHello:
            if !hasHello { statistics.hellos += 1 }
            hasHello = true
        case .dominantSpeaker(let endpoint, let previous): note(endpoint, previous, at: now, &statistics)
        case .endpointMessage(let message): note(message, at: now, &statistics)
        case .endpointStats(let from):
            guard let place = conference.place(of: from), place != member else {
                statistics.malformed += 1
                return
            }
            statistics.statsReceived += 1
            statsHeard += 1
        case .connectionStats: statistics.connectionStats += 1
        case .forwardedSources(let names):
            statistics.forwardedSources += 1
            wishes.note(forwarded: names)
        case .senderSourceConstraints(let source, let height):
            statistics.senderConstraints += 1
            if source == videoSource { heightLimit = height }
        case .connectivity(let endpoint, let isActive):
            if !isActive, conference.place(of: endpoint) != nil { statistics.unreachable += 1 }
        case .slots(let entries):
            statistics.slotMaps += 1
            slots += entries
        case .other: break
        }
    }

    private mutating func note(
        _ message: ChannelMessage.EndpointMessage, at now: Timestamp, _ statistics: inout ChannelStatistics
    ) {
        guard message.isWhole, message.from == message.sender, let place = conference.place(of: message.from) else {
            statistics.messagesAltered += 1
            return
        }
        let isForAll = message.to.isEmpty
        let isMeant =
            isForAll
            ? place != member
            : message.to == own.endpoint && (place + 1) % conference.members.count == member
        guard isMeant else {
            statistics.messagesMisdelivered += 1
            return
        }
        statistics.messageTransit.note(now.nanoseconds - message.sentAt * 1_000)
        if isForAll {
            noteToAll(from: place, number: message.number, &statistics)
        } else if heardFromOne {
            statistics.messagesDoubled += 1
        } else {
            heardFromOne = true
            statistics.messagesArrived += 1
        }
    }

    private mutating func noteToAll(from place: Int, number: UInt32, _ statistics: inout ChannelStatistics) {
        guard number >= heardFromAll[place] else {
            statistics.messagesDoubled += 1
            return
        }
        heardFromAll[place] = number &+ 1
        statistics.messagesArrived += 1
    }

    private mutating func note(
        _ endpoint: String, _ previous: [String], at now: Timestamp, _ statistics: inout ChannelStatistics
    ) {
        guard let told = conference.place(of: endpoint), !previous.contains(endpoint) else {
            statistics.malformed += 1
            return
        }
        defer { speaker = told }
        if wishes.follow(speaker: told) { outgoing.append(wishes.message) }
        guard let script, let current = script.number(at: now) else { return }
        follow(to: current, &statistics)
        if told == wanted(in: current) {
            guard !isTurnTold, let begin = script.begin(of: current) else { return }
            isTurnTold = true
            statistics.changesExpected += 1
            statistics.changesTold += 1
            statistics.speakerChange.note((now - begin).nanoseconds)
        } else if isTurnTold || (current > 0 && told != wanted(in: current - 1)) {
            // Until a change is noticed the speaker is the one before; before the first turn it may be anybody.
            statistics.wrongSpeakers += 1
        }
    }

    /// Who talks in a turn.
    private func wanted(in turn: Int) -> Int { SpeakerScript.speaker(in: turn, of: conference.speakers) }

    /// Goes on to turn `number`; a turn whose speaker was not told is a change that was missed.
    private mutating func follow(to number: Int, _ statistics: inout ChannelStatistics) {
        while turn < number {
            if !isTurnTold { statistics.changesExpected += 1 }
            turn += 1
            isTurnTold = speaker == wanted(in: turn)
        }
    }

    // MARK: Counting up

    /// Adds what had to be told until `now`, and what of it is missing. A turn counts once it has ended.
    /// - Parameter isUnfiltered: whether everybody gets everybody's statistics.
    func count(until now: Timestamp, isUnfiltered: Bool, into statistics: inout ChannelStatistics) {
        for (place, other) in conference.members.enumerated() where place != member {
            statistics.messagesExpected += UInt64(other.sentToAll.load(ordering: .acquiring))
            if (place + 1) % conference.members.count == member, other.hasSentToOne.load(ordering: .acquiring) {
                statistics.messagesExpected += 1
            }
        }
        if isUnfiltered {
            let sent = conference.members.enumerated().reduce(UInt64(0)) { sum, entry in
                entry.offset == member ? sum : sum + UInt64(entry.element.statsSent.load(ordering: .acquiring))
            }
            statistics.statsExpected += sent
            statistics.statsWrong += max(sent, statsHeard) - min(sent, statsHeard)
        }
        guard let script else { return }
        var rest = self
        rest.follow(to: script.ended(at: now), &statistics)
    }
}
