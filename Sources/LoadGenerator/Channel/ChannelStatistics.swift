// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the bridge channels of one media thread said and did.
struct ChannelStatistics: Sendable {
    /// Channels that were opened.
    var opened: UInt64 = 0
    /// Channels on which the bridge said ServerHello.
    var hellos: UInt64 = 0
    /// From asking for the endpoint to the open channel.
    var open = LatencyHistogram()
    /// Messages received, of whatever kind.
    var received: UInt64 = 0
    /// Messages that are no JSON object with a class, or lack what their class must have.
    var malformed: UInt64 = 0
    /// WebSockets on which something came before ServerHello.
    var lateHellos: UInt64 = 0

    /// Changes of the speaker that each participant had to be told, counted once per participant.
    var changesExpected: UInt64 = 0
    /// Of those, changes that were told while the speaker talked.
    var changesTold: UInt64 = 0
    /// Times somebody was told a speaker who did not talk.
    var wrongSpeakers: UInt64 = 0
    /// From the first loud packet's moment to being told.
    var speakerChange = LatencyHistogram()

    /// Endpoint messages sent to everybody, and to one other participant.
    var sentToAll: UInt64 = 0
    var sentToOne: UInt64 = 0
    /// Endpoint messages that had to arrive, counted once per receiver.
    var messagesExpected: UInt64 = 0
    /// Of those, messages that did.
    var messagesArrived: UInt64 = 0
    /// Endpoint messages that came again.
    var messagesDoubled: UInt64 = 0
    /// Endpoint messages with something changed.
    var messagesAltered: UInt64 = 0
    /// Endpoint messages for somebody else.
    var messagesMisdelivered: UInt64 = 0
    /// From sending to receiving, endpoint messages.
    var messageTransit = LatencyHistogram()

    /// EndpointStats sent.
    var statsSent: UInt64 = 0
    /// EndpointStats received.
    var statsReceived: UInt64 = 0
    /// EndpointStats that had to arrive, once per receiver: all in a conference that bridges do not filter.
    var statsExpected: UInt64 = 0
    /// Of those, what did not arrive or came too often.
    var statsWrong: UInt64 = 0

    /// ConnectionStats received.
    var connectionStats: UInt64 = 0
    /// ForwardedSources received.
    var forwardedSources: UInt64 = 0
    /// VideoSourcesMap and AudioSourcesMap received.
    var slotMaps: UInt64 = 0
    /// SenderSourceConstraints received.
    var senderConstraints: UInt64 = 0
    /// Times a participant of the call was said to be unreachable.
    var unreachable: UInt64 = 0

    /// Endpoint messages that did not arrive.
    var messagesLost: UInt64 { messagesExpected > messagesArrived ? messagesExpected - messagesArrived : 0 }

    /// Speaker changes that were not told in time.
    var changesMissed: UInt64 { changesExpected > changesTold ? changesExpected - changesTold : 0 }

    /// Adds what another thread counted.
    mutating func merge(_ other: ChannelStatistics) {
        opened += other.opened
        hellos += other.hellos
        open.merge(other.open)
        received += other.received
        malformed += other.malformed
        lateHellos += other.lateHellos
        changesExpected += other.changesExpected
        changesTold += other.changesTold
        wrongSpeakers += other.wrongSpeakers
        speakerChange.merge(other.speakerChange)
        sentToAll += other.sentToAll
        sentToOne += other.sentToOne
        messagesExpected += other.messagesExpected
        messagesArrived += other.messagesArrived
        messagesDoubled += other.messagesDoubled
        messagesAltered += other.messagesAltered
        messagesMisdelivered += other.messagesMisdelivered
        messageTransit.merge(other.messageTransit)
        statsSent += other.statsSent
        statsReceived += other.statsReceived
        statsExpected += other.statsExpected
        statsWrong += other.statsWrong
        connectionStats += other.connectionStats
        forwardedSources += other.forwardedSources
        slotMaps += other.slotMaps
        senderConstraints += other.senderConstraints
        unreachable += other.unreachable
    }
}
