// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Named limits and bounds of this target: what the laws hold the bridge to.
enum SimulationLimits {
    /// Datagrams that the bridge's socket holds; more are lost, as in a kernel with a full buffer.
    static let socketDatagrams = 16_384
    /// Packets to receivers that a turn of the loop sends; the real one sends fewer.
    static let packetsPerTurn = 1_024
    /// Datagrams of one receive batch, as in `PacketIO`.
    static let receiveBatch = 64
    /// Room per datagram in the receive slab, in bytes.
    static let slabBytes = 2_048
    /// Events in one run; a run that makes more has lost its way.
    static let events = 30_000_000
    /// Turns of the loop without a step of the clock; more means that a timer does not let go.
    static let turnsWithoutTime = 10_000
    /// Time between two wishes of a client for a picture. The bridge lets three in ten seconds through.
    static let pictureRetry = TimeDelta.milliseconds(1_000)
    /// How long a client waits for the missing packets of a frame.
    static let frameWait = TimeDelta.milliseconds(150)
    /// Least time between a sender report of a source to a receiver and the next but one: the bridge takes one in
    /// 500 ms over, and the first of two may have waited for media to travel with.
    static let senderReportSpacing = TimeDelta.milliseconds(450)
    /// Least time between two key frame requests to the owner of one source: 200 ms (media-plane.md 6.7), less what a
    /// long turn may hold the first of them back.
    static let keyframeSpacing = TimeDelta.milliseconds(195)
    /// In so long a time each receiver may have three requests passed on (media-plane.md 6.7): ten seconds, by a clock
    /// of milliseconds.
    static let keyframeWindow = TimeDelta.milliseconds(9_999)
    /// RTCP datagrams to one client in a second, beyond one for each second's reports of each source.
    static let controlPerSecond = 90
    /// How long after the faults a picture may take: the quota of key frame requests may have to come round first.
    static let pictureBound = TimeDelta.seconds(12 as Int64)
    /// How long a client may be away when it changes its address.
    static let moveBound = TimeDelta.seconds(2 as Int64)
    /// The longest silence in a stream to or from a client that changes its address: its first check, four round trips
    /// of doubt or 400 ms, three more until media is back.
    static let moveGap = TimeDelta.milliseconds(1_300)
    /// The longest silence in a stream to or from a client whose ICE is restarted.
    static let restartGap = TimeDelta.milliseconds(200)
    /// How long a packet of a small meeting may stay in the bridge, whatever a large one does (99 of 100 packets).
    static let fairTransit = TimeDelta.milliseconds(2)
    /// The window in which a stream must have been heard or seen to count as alive.
    static let livenessWindow = TimeDelta.milliseconds(1_000)
    /// Frames that a client keeps while it waits for packets.
    static let waitingFrames = 32
    /// Requests for key frames that come faster than this are forgotten by clients, as browsers do.
    static let encoderKeyframeSpacing = TimeDelta.milliseconds(300)
    /// Packets of an encoding that its sender can repeat.
    static let repeatableBySender = 512
    /// Packets of a source with layers that a law and a receiver remember, a power of two.
    static let viewWindow = 2_048
    /// Attempts of a receiver to have a packet repeated.
    static let receiverNackAttempts = 10
    /// How long a receiver waits before it asks for a packet the first time.
    static let receiverNackDelay = TimeDelta.milliseconds(10)
    /// A receiver whose picture stands still so long asks for a key frame.
    static let stuckAfter = TimeDelta.milliseconds(400)
    /// A sender may be asked for the same packet no faster than this.
    static let nackSpacing = TimeDelta.milliseconds(15)
    /// And no more often than this.
    static let nackAttempts = 10
    /// How long a receiver may get a larger picture than it asked for: until a key frame of the smaller one comes.
    static let constraintGrace = TimeDelta.seconds(12 as Int64)
    /// How long it may get a picture that it wants none of any more.
    static let suspensionGrace = TimeDelta.milliseconds(50)
    /// Forwarded packets of a stream that a law remembers, to place late ones.
    static let rememberedPackets = 512
}
