// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Named limits of this target (house rule 2.6).
public enum BridgeChannelLimits {
    // MARK: One message

    /// Bytes of a message; a longer one is refused.
    public static let messageBytes = 65_536
    /// Objects and arrays inside each other; a deeper message is refused.
    static let depth = JSONLimits.depth
    /// Members at the top of a message; one with more is refused.
    static let members = 256
    /// Names in one list and sources in one map of constraints; what comes behind is left out.
    static let names = 1_000
    /// Bytes of a source's or an endpoint's name; a longer one names nothing and is left out.
    static let nameBytes = 256

    // MARK: What a client may send

    /// Messages a second, over both transports together. A hand that moves the mouse in remote control makes about 60.
    static let messagesPerSecond: Int64 = 250
    /// Messages that may come at once.
    static let messageBurst: Int64 = 1_000
    /// Bytes of messages a second.
    static let bytesPerSecond: Int64 = 256 * 1_024
    /// Bytes of messages that may come at once.
    static let byteBurst: Int64 = 1 << 20

    // MARK: What a client may cause

    /// What one delivery costs besides its bytes, in bytes: headers, and the work of it.
    static let deliveryOverhead = 100
    /// Bytes a second that the messages of one sender may become at their receivers.
    static let senderFanOutPerSecond: Int64 = 16 << 20
    /// The same, at once.
    static let senderFanOutBurst: Int64 = 32 << 20
    /// Bytes a second that the messages of all members of a conference may become: four senders at their limit.
    static let conferenceFanOutPerSecond: Int64 = 64 << 20
    /// The same, at once.
    static let conferenceFanOutBurst: Int64 = 128 << 20

    // MARK: What a receiver may hold up

    /// Bytes that may wait for one receiver, in its association or its connection; behind that it is behind, gets
    /// nothing, and its state as a whole when it has read.
    static let waitingBytes = 256 * 1_024
    /// Bytes down to which it must have read before that.
    static let resumeBytes = 64 * 1_024
    /// Texts for the web thread that wait to be taken over; a receiver whose text finds no room is behind.
    static let queuedActions = 16_384
    /// Bytes of those texts.
    static let queuedActionBytes = 32 << 20

    // MARK: What is kept

    /// DTLS records of an endpoint kept until it is known to use SCTP.
    static let earlyRecords = 100
    /// Bytes of them: a handshake's and some messages.
    static let earlyBytes = 32 * 1_024
    /// Sources whose video type is remembered before they are signalled; the oldest goes.
    static let videoTypes = 64
    /// Slots of a receiver with SSRC rewriting, audio and video together; the worker has no more.
    static let slots = 2_048
    /// Slots that one message tells of: some 10 kB.
    static let mappingsPerMessage = 64
    /// What happened, for the log, until it is taken; the oldest goes.
    static let events = 1_024

    // MARK: Time and work

    /// For so long messages are collected before they leave, so that those to one receiver share a packet.
    static let collection = TimeDelta.milliseconds(5)
    /// A client is told of changes in what it gets, and in what is wanted of it, no more often than this; likewise the
    /// worker of what a client wants.
    static let changeInterval = TimeDelta.milliseconds(50)
    /// After so long without a channel an endpoint is counted (media-plane.md 14).
    static let channelDelay = TimeDelta.seconds(Int64(30))
    /// Members whose state is looked through in one turn, and timers that are served: a few milliseconds at most.
    static let changesPerTurn = 64
    /// Sources that are looked at for them in one turn.
    static let visitsPerTurn = 4_000
}
