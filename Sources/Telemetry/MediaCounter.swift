// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Everything a media worker counts. Counters only grow; the few gauges say so.
///
/// Drop reasons are counters too: whatever the bridge throws away is counted under exactly one of them.
public enum MediaCounter: Int, CaseIterable, Sendable {
    // Traffic, RTP and RTCP, bytes as UDP payload.
    case packetsReceived, bytesReceived, packetsSent, bytesSent
    case rtpForwarded
    case keyframesReceived, keyframeRequestsReceived, keyframeRequestsSent, keyframeRequestsThrottled
    case keyframeRequestsRepeated, keyframeRequestsUnknown
    case keyframesAheadSent, keyframesAheadSuppressed
    case sourcesRefusedFull, sourcesRefusedForeign
    case dominantSpeakerChanges, audioRecovered, discardedEarly

    // Repair of losses on the way from senders: what was asked of them and what came of it.
    case nacksSent, packetsAskedFor, packetsAskedForAgain, packetsRepaired, packetsGivenUp, repeatsReceived
    // And on the way to receivers: numbers they asked for, of nothing that they get, sent again (also under their old
    // number), and why others were not: asked for too fast, never sent, sent too long ago, repeated just now or too
    // often, no longer there, over the receiver's budget, too many waiting.
    case repeatsAskedFor, nacksUnknown, repeatsSent, repeatsSentPlain
    case repeatsIgnored, repeatsNeverSent, repeatsForgotten, repeatsTooSoon, repeatsExhausted, repeatsMissed
    case repeatsOverBudget, repeatsQueueFull
    // Packets that left the store for repeats before their time.
    case repairStoreOverwritten

    // Application data of DTLS: packets of the data channels.
    case channelRecordsReceived, channelRecordsSent

    // Life of endpoints and conferences.
    case iceSucceeded, iceSucceededRelayed, iceFailed, dtlsSucceeded, dtlsFailed, endpointsExpired
    case endpointsDisconnected, endpointsReconnected
    // Restarts of ICE in place: begun, refused, too early, without an agent; how they ended.
    case iceRestartsStarted, iceRestartsRejected, iceRestartsNotEstablished, iceRestartsAgentCreationFailed
    case iceRestartsSucceeded, iceRestartsSuperseded, iceRestartsFailed

    // Gauges, set once per statistics tick.
    case conferencesInactive, conferencesP2P, endpointsWithHighOutgoingLoss
    case endpoints, conferences, endpointsSendingAudio, endpointsSendingVideo, endpointsReceiveOnly, endpointsInactive
    case roundTripMicrosecondsSum, roundTripSamples
    case packetsLostIncoming, packetsExpectedIncoming, packetsLostOutgoing, packetsExpectedOutgoing

    // Drops at the door.
    case droppedUnknownSource, droppedNotMedia, droppedTooShort, droppedMalformedSTUN, droppedUnknownFragment
    case droppedBadIntegrity, droppedUnmatchedSTUN, droppedTURNChannel, droppedTruncated, droppedTooLong
    // Drops in the transport.
    case droppedBeforeKeys, droppedSRTPAuthentication, droppedSRTPReplay, droppedSRTPContexts, droppedSRTPInvalid
    case droppedDTLS
    // Drops of the data channels' packets: too many of one client, a control loop that does not take them, no way out.
    case droppedChannelRate, droppedChannelRing, droppedChannelUnsent
    // Drops in the hall.
    case droppedMalformedRTP, droppedMalformedRTCP, droppedUnknownSSRC, droppedUnknownPayloadType, droppedForceMuted
    case droppedVisitorMedia, droppedPaddingOnly, droppedSilence, droppedDuplicate, droppedUnwanted
    case droppedNotLoudest
    case droppedNotForwardedEncoding
    // Of what senders repeat: nothing in it, cut off, here already, before all that is remembered.
    case droppedProbe, droppedMalformedRTX, droppedRepeat, droppedTooLate
    case droppedWaitingForKeyframe, droppedBeforeStart, droppedBatchFull, droppedNoReceiverRoute, droppedSRTPSend
    // With SSRC rewriting: the receiver has no SSRC for the source, or may not have been told of it yet.
    case droppedUnmapped, droppedBeforeMapped
    // Repeats that waited and were not sent: the receiver or the packet is gone, or there is no way to send them.
    case droppedRepeatWaiting, droppedRepeatUnsendable
    // Drops at the way out and in the mailboxes.
    case droppedSendBuffer, droppedSendError, droppedEventRing, droppedKernelReceive

    // The loop itself.
    case receiveCalls, sendCalls, sendMessages, segmentationRuns, loopTurns, busyNanoseconds
}
