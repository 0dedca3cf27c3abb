// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Named limits of this target.
public enum LoadGeneratorLimits {
    /// Participants of all conferences together: each has a socket.
    public static let participants = 4_000
    /// Participants of one conference; a stream's number must fit the low bits of its SSRC.
    public static let participantsPerConference = 2_000
    /// Media threads.
    public static let threads = 64
    /// Longest common grain of interleaved sending, in milliseconds.
    public static let tickMilliseconds = 100
    /// Whole RTP packets as browsers make them, in bytes, before encryption.
    public static let packetBytes = 1_200
    /// Bytes of an HTTP answer.
    public static let answerBytes = 1 << 20
    /// Receive batches taken from one socket in one turn.
    public static let batchesPerSocket = 4
    /// Time between two looks at the sockets while a call runs.
    static let lookInterval = TimeDelta.milliseconds(1)
    /// Publications (20 ms apart) without a packet after which a call without loss is over.
    static let quietTurns = 5
    /// The same while packets are missing: they may still be on their way.
    static let quietTurnsWithLoss = 100
    /// A call is over so long after sending stopped, whatever still comes.
    static let drainTimeout = TimeDelta.seconds(10 as Int64)
    /// How long the bridge may take to open a channel: from the end of DTLS (SCTP) or from dialling (WebSocket).
    static let channelTimeout = TimeDelta.seconds(10 as Int64)
    /// Before the first speaker everybody is quiet for so long.
    static let quietLead = TimeDelta.milliseconds(300)
    /// Before the end of a call no endpoint message is sent for so long, so that each has the time to arrive.
    static let quietTail = TimeDelta.milliseconds(500)
    /// Endpoint messages a second to everybody in one conference.
    public static let messagesPerSecond = 10_000
    /// Between two EndpointStats of a participant (media-plane.md 11.6).
    static let statsInterval = TimeDelta.seconds(10 as Int64)
    /// Participants of a conference up to which bridges give everybody's statistics to everybody (11.6).
    static let unfilteredStats = 20
    /// Bytes of one message of the bridge channel.
    static let messageBytes = 1 << 20
    /// Bytes of the answer to a WebSocket handshake.
    static let handshakeBytes = 16_384
    /// Bytes that wait for the bridge to read them from a WebSocket; more ends it.
    static let webSocketBacklog = 4 << 20
    /// Pictures of a source that a judge follows at a time.
    static let picturesInFlight = 64
    /// A picture that stands still for longer is frozen.
    static let freeze = TimeDelta.milliseconds(500)
    /// A media thread whose turns are further apart was not run meanwhile; that is nobody's freeze.
    static let stall = TimeDelta.milliseconds(25)
    /// Between two looks for pictures that stand still.
    static let pictureRequestInterval = TimeDelta.milliseconds(250)
    /// Nothing became whole for so long: a key frame is asked for.
    static let pictureTimeout = TimeDelta.milliseconds(300)
    /// Packets of an encoding that are kept to be sent again.
    static let rememberedPackets = 1_024
    /// A packet is not sent again sooner than this after the last time.
    static let repeatInterval = TimeDelta.milliseconds(5)
    /// Between two requests for a missing packet, before the round-trip time is known and at least.
    static let firstRoundTrip = TimeDelta.milliseconds(100)
    static let leastRepeat = TimeDelta.milliseconds(20)
    /// Times that a missing packet is asked for.
    static let repairAttempts: UInt8 = 10
    /// Missing packets of a source that are remembered, and how many may be missing at once: more is no gap but a jump.
    static let gaps = 256
    static let longestGap = 100
    /// Percent of the datagrams that may be lost on purpose, in each direction.
    public static let lossPercent = 50.0
    /// Steps of a script of constraints.
    public static let constraintSteps = 1_000
    /// Pairs of receiver and source up to which the JSON lists each.
    static let listedPairs = 1_000
    /// Events of one wait.
    public static let pollEvents = 256
    /// Arrivals remembered for one transport-wide feedback packet.
    public static let feedbackPackets = 512
    /// Report blocks of one receiver report (RFC 3550 6.4.2).
    public static let reportBlocks = 31
    /// Sequence numbers behind the highest within which repetitions are recognised.
    public static let duplicateWindow = 256
}
